package local

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/buger/jsonparser"

	"uratori/query"
)

// An envelope is log events as Amazon CloudWatch Logs hands them on: to subscriptions and Amazon
// Data Firehose (CloudWatch Logs User Guide, "Subscription filters"), with the log group's name.
type envelope struct {
	MessageType string          `json:"messageType"`
	Owner       string          `json:"owner"`
	LogGroup    string          `json:"logGroup"`
	LogStream   string          `json:"logStream"`
	LogEvents   []envelopeEvent `json:"logEvents"`
}

type envelopeEvent struct {
	Message json.RawMessage `json:"message"`
}

// envelope visits the messages of an envelope.
func (v *fileVisit) envelope(raw []byte, offset int64, from origin) error {
	var e envelope
	if err := json.Unmarshal(raw, &e); err != nil {
		return v.bad(offset, head(raw), errBroken)
	}
	v.res.isLog = true
	if e.MessageType == "CONTROL_MESSAGE" { // a test of the way, without records
		return nil
	}
	if isAccount(e.Owner) {
		from.account = e.Owner
	}
	from.group(e.LogGroup)
	if strings.HasPrefix(e.LogGroup, "/aws/eks/") && e.LogStream != "" && !strings.HasPrefix(e.LogStream, "kube-apiserver-audit") {
		return nil // logs of the other control plane components, in the same group
	}
	for _, ev := range e.LogEvents {
		text := string(ev.Message)
		var s string
		if json.Unmarshal(ev.Message, &s) == nil {
			text = s
		}
		if err := v.message(text, offset, from); err != nil {
			return err
		}
	}
	return nil
}

// event visits one log event of a look-up (filter-log-events, get-log-events).
func (v *fileVisit) event(raw []byte, offset int64, from origin) error {
	val, typ, _, err := jsonparser.Get(raw, "message")
	if err != nil {
		return v.bad(offset, head(raw), errBroken)
	}
	text := string(val)
	if typ == jsonparser.String {
		if text, err = jsonparser.ParseString(val); err != nil {
			return v.bad(offset, head(raw), errBroken)
		}
	}
	return v.message(text, offset, from)
}

// message visits what a log event says: a record as JSON, or a line of a text log.
func (v *fileVisit) message(text string, offset int64, from origin) error {
	text = strings.TrimRight(text, "\r\n")
	if trimmed := strings.TrimSpace(text); strings.HasPrefix(trimmed, "{") {
		if v.nested >= 3 {
			return v.bad(offset, head([]byte(text)), errBroken)
		}
		v.nested++
		defer func() { v.nested-- }()
		if !json.Valid([]byte(trimmed)) {
			return v.bad(offset, head([]byte(text)), errBroken)
		}
		return v.recordFrom([]byte(trimmed), offset, from)
	}
	if strings.TrimSpace(text) == "" {
		return nil
	}
	f := formOf(text)
	if f == noForm || f == cloudwatchForm {
		return v.bad(offset, head([]byte(text)), errUnknown)
	}
	return v.line(&textLog{form: f}, text, offset, from)
}

// eks stores an event of a Kubernetes audit log.
func (v *fileVisit) eks(raw []byte, offset int64, from origin) error {
	id := member(raw, "auditID") + "/" + member(raw, "stage")
	if id[0] == '/' {
		id = ""
	}
	raw = hideBodies(raw)
	if id == "" {
		id = identity(raw)
	}
	return v.keep(query.EKSAudit, with(raw, [2]string{"account", from.account}, [2]string{"region", from.region}, [2]string{"cluster", from.cluster}), id, offset)
}

// hideBodies hides what was sent and answered where that is a secret as a whole: secrets, and tokens
// of service accounts and of reviews.
func hideBodies(raw []byte) []byte {
	switch resource, sub := memberAt(raw, "objectRef", "resource"), memberAt(raw, "objectRef", "subresource"); {
	case resource == "secrets", resource == "tokenreviews", sub == "token":
	default:
		return raw
	}
	for _, name := range []string{"requestObject", "responseObject"} {
		val, typ, end, err := jsonparser.Get(raw, name)
		if err != nil || typ == jsonparser.Null || bytes.HasPrefix(val, []byte(redactedBy)) {
			continue
		}
		start := end - len(val)
		if typ == jsonparser.String {
			start -= 2
		}
		raw = append(append(append([]byte{}, raw[:start]...), jsonQuote(redacted(string(val)))...), raw[end:]...)
	}
	return raw
}

// member is a member of an object as text, "" if it is missing, null, or cannot be read.
func member(raw []byte, name string) string { return memberAt(raw, name) }

func memberAt(raw []byte, path ...string) string {
	val, typ, _, err := jsonparser.Get(raw, path...)
	if err != nil || typ == jsonparser.Null {
		return ""
	}
	if typ == jsonparser.String {
		return parsed(val)
	}
	return string(val)
}

// dnsQuery stores a record of a resolver query log.
func (v *fileVisit) dnsQuery(raw []byte, offset int64, from origin) error {
	id := identity(raw)
	return v.keep(query.DNS, with(raw, [2]string{"account_id", from.account}, [2]string{"region", from.region}), id, offset)
}
