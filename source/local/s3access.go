package local

import (
	"errors"
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

// s3Names are the fields of a server access log line in their order, as "Amazon S3 server access log
// format" of the Amazon S3 User Guide names them, in snake case. Those after the version id were
// added over the years; a line may end after any of them, and a later one is kept as field_27 and so on.
var s3Names = strings.Fields(`bucket_owner bucket time remote_ip requester request_id operation key request_uri http_status error_code
	bytes_sent object_size total_time turnaround_time referer user_agent version_id host_id signature_version cipher_suite
	authentication_type host_header tls_version access_point_arn acl_required source_region`)

// s3Least is how many fields the oldest lines have: up to the version id.
const s3Least = 18

var errS3Line = errors.New("is no line of a server access log")

var s3Start = regexp.MustCompile(`^\S+ \S+ \[\d{2}/[A-Z][a-z]{2}/\d{4}:\d{2}:\d{2}:\d{2} [+-]\d{4}\] \S+ \S+ \S+ [A-Z0-9]+[.A-Z0-9_a-z]* `)

// s3Fields splits a line: by spaces, with [...] and "..." around what has some. A program's name is
// logged as it was sent, so that a quote may stand in the middle of quoted text: a quote that ends a
// field is followed by a space, or the end, and the fields after it must be as many as can be.
func s3Fields(line string) ([]string, bool) {
	var out []string
	for i := 0; i < len(line); {
		switch line[i] {
		case ' ':
			i++
		case '[':
			end := strings.IndexByte(line[i:], ']')
			if end < 0 {
				return nil, false
			}
			out = append(out, line[i+1:i+end])
			i += end + 1
		case '"':
			end := s3Quote(line, i, len(out))
			if end < 0 {
				return nil, false
			}
			out = append(out, line[i+1:end])
			i = end + 1
		default:
			end := strings.IndexByte(line[i:], ' ')
			if end < 0 {
				end = len(line) - i
			}
			out = append(out, line[i:i+end])
			i += end
		}
	}
	return out, true
}

// s3Quote is where the quoted field that begins at i ends.
func s3Quote(line string, i, field int) int {
	at := i + 1
	for {
		j := strings.Index(line[at:], `" `)
		if j < 0 {
			if strings.HasSuffix(line, `"`) && len(line)-1 > i {
				return len(line) - 1
			}
			return -1
		}
		j += at
		rest := line[j+2:]
		switch s3Names[min(field, len(s3Names)-1)] {
		case "request_uri": // a status follows
			if len(rest) > 3 && (allDigits(rest[:3]) && rest[3] == ' ' || strings.HasPrefix(rest, "- ")) {
				return j
			}
		case "referer": // the quoted program follows
			if strings.HasPrefix(rest, `"`) {
				return j
			}
		default: // nothing quoted follows
			if !strings.Contains(rest, `"`) {
				return j
			}
		}
		at = j + 1
	}
}

// s3Line is the object of a line. Its key is decoded beside the one that was written.
func s3Line(line string) (map[string]any, error) {
	if !s3Start.MatchString(line) {
		return nil, errS3Line
	}
	fields, ok := s3Fields(line)
	if !ok || len(fields) < s3Least {
		return nil, errCut
	}
	obj := map[string]any{}
	for i, f := range fields {
		if i >= len(s3Names) {
			obj["field_"+strconv.Itoa(i)] = given(f)
			continue
		}
		obj[s3Names[i]] = given(f)
	}
	for _, name := range []string{"request_uri", "referer"} {
		if s, ok := obj[name].(string); ok {
			obj[name] = redactQuery(s)
		}
	}
	return obj, nil
}

// s3ID is the id of a line: a batch delete logs a line a key under one request.
func s3ID(request, operation, key, version string) string {
	if request == "" {
		return ""
	}
	id := request + "/" + operation
	if key != "" {
		id += "/" + key
	}
	if version != "" {
		id += "@" + version
	}
	return id
}

// decodeKey undoes the encoding of a logged key, once. What cannot be decoded stays as it is.
func decodeKey(s string) string {
	if !strings.Contains(s, "%") {
		return s
	}
	out, err := url.PathUnescape(s)
	if err != nil || !isUTF8Text([]byte(out)) {
		return s
	}
	return out
}

var presigned = regexp.MustCompile(`(?i)((?:x-amz-security-token|x-amz-signature|signature)=)([^&\s"]+)`)

// redactQuery hides what signs a presigned request.
func redactQuery(s string) string {
	return presigned.ReplaceAllStringFunc(s, func(m string) string {
		name, val, _ := strings.Cut(m, "=")
		if strings.HasPrefix(val, redactedBy) {
			return m
		}
		return name + "=" + redacted(val)
	})
}
