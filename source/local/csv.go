package local

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// isCSV tells whether text begins with the header of a sign-in export.
func isCSV(start []byte) bool {
	line, _, _ := bytes.Cut(bytes.TrimPrefix(start, []byte("\xef\xbb\xbf")), []byte("\n"))
	if !isUTF8Text(line) || bytes.Count(line, []byte(",")) < 3 {
		return false
	}
	low := strings.ToLower(string(line))
	low = strings.ReplaceAll(low, " ", "")
	return strings.Contains(low, "userprincipalname") || strings.Contains(low, "username,") && strings.Contains(low, "date(utc)") ||
		strings.Contains(low, "username") && strings.Contains(low, "requestid")
}

// portal are the headers of the Entra admin center's export and the members they stand for.
var portal = map[string]string{
	"date(utc)": "createdDateTime", "requestid": "id", "correlationid": "correlationId",
	"userid": "userId", "user": "userDisplayName", "username": "userPrincipalName",
	"usertype": "userType", "application": "appDisplayName", "applicationid": "appId",
	"resource": "resourceDisplayName", "ipaddress": "ipAddress", "sign-inerrorcode": "signInErrorCode",
	"failurereason": "failureReason", "clientapp": "clientAppUsed", "deviceid": "deviceId",
	"browser": "browser", "operatingsystem": "operatingSystem", "compliant": "isCompliant",
	"managed": "isManaged", "jointype": "trustType", "authenticationrequirement": "authenticationRequirement",
	"conditionalaccess": "conditionalAccessStatus", "autonomoussystemnumber": "autonomousSystemNumber",
	"resourcetenantid": "tenantId",
}

// csv reads an export line by line: each becomes a JSON object of its columns.
func (v *fileVisit) csv(r *bufio.Reader) error {
	if b, _ := r.Peek(3); bytes.Equal(b, []byte("\xef\xbb\xbf")) {
		_, _ = r.Discard(3)
	}
	in := csv.NewReader(r)
	in.FieldsPerRecord = -1
	in.LazyQuotes = true
	header, err := in.Read()
	if err != nil {
		v.res.isLog = true
		return v.bad(0, nil, fmt.Errorf("the header cannot be read: %w", err))
	}
	for n := 2; ; n++ {
		line, err := in.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			v.res.isLog = true
			var p *csv.ParseError
			if bad := v.bad(in.InputOffset(), nil, fmt.Errorf("line %d cannot be read: %w", n, err)); bad != nil || !errors.As(err, &p) {
				return bad
			}
			continue
		}
		raw, err := csvObject(header, line)
		if err != nil {
			return err
		}
		if len(raw) > maxRecord {
			if err := v.bad(in.InputOffset(), head(raw), errTooLong); err != nil {
				return err
			}
			continue
		}
		if err := v.record(raw, in.InputOffset()); err != nil {
			return err
		}
	}
}

// csvObject makes the JSON object of one line. A column that holds JSON keeps it; dotted
// headers and the portal's own become the members they stand for.
func csvObject(header, line []string) ([]byte, error) {
	obj := map[string]any{}
	for i, val := range line {
		if i >= len(header) || val == "" {
			continue
		}
		name := header[i]
		if j := strings.Index(name, " ["); j > 0 { // "CreatedDateTime [UTC]"
			name = name[:j]
		}
		name = strings.TrimSuffix(strings.TrimSpace(name), "_dynamic")
		name = strings.TrimSuffix(name, "_string")
		if p, ok := portal[strings.ToLower(strings.ReplaceAll(name, " ", ""))]; ok && (strings.Contains(name, " ") || name == "User" || name == "Application" || name == "Username") {
			name = p
		}
		var cell any = val
		if (val[0] == '{' || val[0] == '[') && json.Valid([]byte(val)) {
			cell = json.RawMessage(val)
		}
		switch name {
		case "signInErrorCode":
			nest(obj, "status.errorCode", cell)
		case "failureReason":
			nest(obj, "status.failureReason", cell)
		default:
			nest(obj, name, cell)
		}
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(obj)
	return bytes.TrimSpace(b.Bytes()), err
}

// nest puts a value at a dotted path, unless something else stands in the way.
func nest(obj map[string]any, path string, val any) {
	steps := strings.Split(path, ".")
	for _, s := range steps[:len(steps)-1] {
		next, ok := obj[s].(map[string]any)
		if !ok {
			if _, taken := obj[s]; taken {
				return
			}
			next = map[string]any{}
			obj[s] = next
		}
		obj = next
	}
	obj[steps[len(steps)-1]] = val
}
