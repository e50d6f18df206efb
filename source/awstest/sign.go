package awstest

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// A Credential is what requests are signed with. The zero Account is no credential.
type Credential struct {
	AccessKeyID     string
	SecretAccessKey string
	SessionToken    string // of temporary credentials
	Account         string // whose: 12 digits
	ARN             string // of the principal
	Expires         time.Time
	expired         bool
}

// maxSkew is how far a request's time may be from the server's (AWS: five minutes for most
// services).
const maxSkew = 5 * time.Minute

// A scope is what a signature was made for.
type scope struct{ key, date, region, service string }

// signature is an Authorization header of Signature Version 4.
type signature struct {
	scope
	headers []string
	value   string
}

func parseSignature(header string) (signature, error) {
	var s signature
	rest, ok := strings.CutPrefix(header, "AWS4-HMAC-SHA256 ")
	if !ok {
		return s, fmt.Errorf("the request is not signed with AWS4-HMAC-SHA256")
	}
	for part := range strings.SplitSeq(rest, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		switch name {
		case "Credential":
			p := strings.Split(value, "/")
			if len(p) != 5 || p[4] != "aws4_request" {
				return s, fmt.Errorf("the credential scope is not key/date/region/service/aws4_request")
			}
			s.scope = scope{p[0], p[1], p[2], p[3]}
		case "SignedHeaders":
			s.headers = strings.Split(value, ";")
		case "Signature":
			s.value = value
		}
	}
	if s.key == "" || len(s.headers) == 0 || s.value == "" {
		return s, fmt.Errorf("the Authorization header is incomplete")
	}
	return s, nil
}

// verify holds a request's signature against the secret. It follows "Signature Version 4 signing
// process" of the AWS General Reference.
func (s signature) verify(r *http.Request, body []byte, secret string) error {
	if !slices.IsSorted(s.headers) || !slices.Contains(s.headers, "host") || !slices.Contains(s.headers, "x-amz-date") {
		return fmt.Errorf("the signed headers must be sorted and hold host and x-amz-date")
	}
	for name := range r.Header {
		if n := strings.ToLower(name); strings.HasPrefix(n, "x-amz-") && !slices.Contains(s.headers, n) {
			return fmt.Errorf("the header %s is not signed", n)
		}
	}
	sum := sha256.Sum256(body)
	payload := hex.EncodeToString(sum[:])
	if given := r.Header.Get("X-Amz-Content-Sha256"); given != "" && given != payload {
		return fmt.Errorf("x-amz-content-sha256 is not the hash of the body")
	}
	var canonical strings.Builder
	path := r.URL.EscapedPath()
	if path == "" {
		path = "/"
	}
	var steps []string // the path is escaped once more for signing
	for step := range strings.SplitSeq(path, "/") {
		steps = append(steps, escape(step))
	}
	fmt.Fprintf(&canonical, "%s\n%s\n%s\n", r.Method, strings.Join(steps, "/"), canonicalQuery(r.URL.Query()))
	for _, h := range s.headers {
		v := strings.Join(r.Header.Values(h), ",")
		switch h {
		case "host":
			v = r.Host
		case "content-length":
			if v == "" {
				v = fmt.Sprint(r.ContentLength)
			}
		}
		fmt.Fprintf(&canonical, "%s:%s\n", h, strings.Join(strings.Fields(v), " "))
	}
	fmt.Fprintf(&canonical, "\n%s\n%s", strings.Join(s.headers, ";"), payload)
	hashed := sha256.Sum256([]byte(canonical.String()))
	toSign := strings.Join([]string{
		"AWS4-HMAC-SHA256", r.Header.Get("X-Amz-Date"),
		s.date + "/" + s.region + "/" + s.service + "/aws4_request", hex.EncodeToString(hashed[:]),
	}, "\n")
	key := []byte("AWS4" + secret)
	for _, step := range []string{s.date, s.region, s.service, "aws4_request", toSign} {
		h := hmac.New(sha256.New, key)
		h.Write([]byte(step))
		key = h.Sum(nil)
	}
	if subtle.ConstantTimeCompare([]byte(hex.EncodeToString(key)), []byte(s.value)) != 1 {
		return fmt.Errorf("the request signature we calculated does not match the signature you provided")
	}
	return nil
}

func canonicalQuery(q url.Values) string {
	var parts []string
	for k, vs := range q {
		for _, v := range vs {
			parts = append(parts, escape(k)+"="+escape(v))
		}
	}
	slices.Sort(parts)
	return strings.Join(parts, "&")
}

// escape is the percent-encoding of signatures: everything but unreserved characters.
func escape(s string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		if c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || strings.IndexByte("-_.~", c) >= 0 {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

// known finds who signed a request, or says why it is refused.
func (s *Server) known(r *http.Request, body []byte) (Credential, signature, error) {
	sig, err := parseSignature(r.Header.Get("Authorization"))
	if err != nil {
		return Credential{}, sig, &Error{Code: "MissingAuthenticationTokenException", Status: 403, Message: err.Error()}
	}
	at, err := time.Parse("20060102T150405Z", r.Header.Get("X-Amz-Date"))
	if err != nil || at.Format("20060102") != sig.date {
		return Credential{}, sig, &Error{Code: "IncompleteSignatureException", Status: 400, Message: "the date of the request is not that of its credential scope"}
	}
	now := s.clock()
	if d := now.Sub(at); d > maxSkew || d < -maxSkew {
		word := "expired"
		if d < 0 {
			word = "not yet current"
		}
		return Credential{}, sig, &Error{
			Code: "InvalidSignatureException", Status: 403,
			Message: fmt.Sprintf("Signature %s: %s is not within 5 minutes of %s", word, at.Format("20060102T150405Z"), now.UTC().Format("20060102T150405Z")),
		}
	}
	s.mu.Lock()
	c, ok := s.credentials[sig.key]
	s.mu.Unlock()
	if !ok || subtle.ConstantTimeCompare([]byte(c.SessionToken), []byte(r.Header.Get("X-Amz-Security-Token"))) != 1 {
		return Credential{}, sig, &Error{Code: "UnrecognizedClientException", Status: 403, Message: "The security token included in the request is invalid."}
	}
	if err := sig.verify(r, body, c.SecretAccessKey); err != nil {
		s.wrong("%s", err)
		return Credential{}, sig, &Error{Code: "InvalidSignatureException", Status: 403, Message: err.Error()}
	}
	if c.expired || !c.Expires.IsZero() && now.After(c.Expires) {
		return Credential{}, sig, &Error{Code: "ExpiredTokenException", Status: 400, Message: "The security token included in the request is expired"}
	}
	return c, sig, nil
}
