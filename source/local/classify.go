package local

import (
	"bytes"

	"github.com/buger/jsonparser"

	"uratori/query"
)

// What a record is, by its members.
type kind uint8

const (
	unknownKind kind = iota
	cloudtrailKind
	lookupKind   // a LookupEvents object: the record is text in CloudTrailEvent
	signinKind   // a sign-in in one of its three shapes
	documentKind // saved output of describe-trails, get-trail-status or get-event-selectors
	splunkKind   // a search result that holds the record as text in _raw
	settingKind  // saved output that tells whether another log is on
	envelopeKind // log events of CloudWatch Logs with their group
	eventKind    // one log event of CloudWatch Logs
	ocsfKind     // a record of Security Lake
	flowKind     // a flow log record
	dnsKind      // a resolver query log record
	s3Kind       // a server access log record
	eksKind      // a Kubernetes audit event
	rdsKind      // a database audit record
)

// classify knows a record by its members. signature members are those that the documentation
// of each form requires.
func classify(raw []byte) kind {
	has := func(name string) bool { return bytes.Contains(raw, []byte(`"`+name+`"`)) }
	switch {
	case has("eventSource") && topLevel(raw, "eventName"):
		return cloudtrailKind
	case has("CloudTrailEvent") && topLevel(raw, "CloudTrailEvent"):
		return lookupKind
	case topLevel(raw, "trailList"), topLevel(raw, "EventSelectors"), topLevel(raw, "AdvancedEventSelectors"), topLevel(raw, "IsLogging"):
		return documentKind
	case topLevel(raw, "_raw"):
		return splunkKind
	case topLevel(raw, "result") && has("_raw"):
		return splunkKind
	case has("logEvents") && topLevel(raw, "logEvents"):
		return envelopeKind
	case has("auditID") && topLevel(raw, "auditID") && topLevel(raw, "stage"):
		return eksKind
	case has("query_timestamp") && topLevel(raw, "query_timestamp") && topLevel(raw, "query_name"):
		return dnsKind
	case has("class_uid") && topLevel(raw, "class_uid") && topLevel(raw, "metadata"):
		return ocsfKind
	case has("remote_ip") && topLevel(raw, "remote_ip") && topLevel(raw, "bucket") && topLevel(raw, "operation"):
		return s3Kind
	case has("connection") && topLevel(raw, "connection") && topLevel(raw, "operation") && topLevel(raw, "time") && topLevel(raw, "user"):
		return rdsKind
	case isFlow(raw):
		return flowKind
	case has("message") && topLevel(raw, "message") && topLevel(raw, "timestamp") && (topLevel(raw, "ingestionTime") || topLevel(raw, "logStreamName")):
		return eventKind
	case isSetting(raw):
		return settingKind
	case signinMembers(raw):
		return signinKind
	}
	return unknownKind
}

func topLevel(raw []byte, name string) bool {
	_, typ, _, err := jsonparser.Get(raw, name)
	return err == nil && typ != jsonparser.NotExist
}

// signinMembers looks for a user and a time in any of the three shapes.
func signinMembers(raw []byte) bool {
	lower := bytes.ToLower(raw)
	user := bytes.Contains(lower, []byte(`"userprincipalname"`)) || bytes.Contains(lower, []byte(`"serviceprincipalname"`))
	when := bytes.Contains(lower, []byte(`"createddatetime"`)) || bytes.Contains(lower, []byte(`"timegenerated"`)) || bytes.Contains(lower, []byte(`"time"`))
	what := bytes.Contains(lower, []byte(`"appdisplayname"`)) || bytes.Contains(lower, []byte(`"resulttype"`)) || bytes.Contains(lower, []byte(`"errorcode"`))
	return user && when && what
}

// unwrap returns the record inside a LookupEvents object or a search result.
func unwrap(k kind, raw []byte) ([]byte, bool) {
	path := []string{"CloudTrailEvent"}
	if k == splunkKind {
		path = []string{"_raw"}
		if !topLevel(raw, "_raw") {
			path = []string{"result", "_raw"}
		}
	}
	val, typ, _, err := jsonparser.Get(raw, path...)
	if err != nil {
		return nil, false
	}
	if typ == jsonparser.Object {
		return val, true
	}
	if typ != jsonparser.String {
		return nil, false
	}
	inner, err := jsonparser.Unescape(val, nil)
	if err != nil {
		return nil, false
	}
	return inner, true
}

// datasetOf is the dataset of a kind that holds records.
func datasetOf(k kind) query.Dataset {
	if k == signinKind {
		return query.SignIn
	}
	return query.CloudTrail
}
