package splunktest

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"
)

// An Event is one indexed event.
type Event struct {
	Index      string
	Sourcetype string
	Raw        string
	Time       time.Time         // _time
	Indexed    time.Time         // _indextime
	Fields     map[string]string // indexed fields besides index and sourcetype
}

// Events are the events of raw records that lie in an index as they are. The time of each is that
// of its record; it was indexed five minutes later.
func Events(index, sourcetype string, raws [][]byte) []Event {
	var out []Event
	for _, raw := range raws {
		at := timeOf(raw)
		out = append(out, Event{Index: index, Sourcetype: sourcetype, Raw: string(raw), Time: at, Indexed: at.Add(5 * time.Minute)})
	}
	return out
}

func timeOf(raw []byte) time.Time {
	var r struct {
		EventTime       string `json:"eventTime"`
		CreatedDateTime string `json:"createdDateTime"`
		Time            string `json:"time"`
	}
	_ = json.Unmarshal(raw, &r) // a record without a time is dated 1970, as good as any
	for _, s := range []string{r.EventTime, r.Time, r.CreatedDateTime} {
		if t, err := time.Parse(time.RFC3339Nano, s); err == nil {
			return t.UTC()
		}
	}
	return time.Unix(0, 0).UTC()
}

// Monitor wraps a Graph sign-in as Entra ID's diagnostic settings send it through an Event Hub:
// the sourcetype azure:monitor:aad.
func Monitor(raw []byte) []byte {
	var properties map[string]any
	if json.Unmarshal(raw, &properties) != nil {
		panic("splunktest: a sign-in is no JSON object") // of the test's own making
	}
	status, _ := properties["status"].(map[string]any)
	location, _ := properties["location"].(map[string]any)
	country, _ := location["countryOrRegion"].(string)
	code, _ := status["errorCode"].(float64)
	properties["createdDateTime"] = strings.Replace(properties["createdDateTime"].(string), "Z", "+00:00", 1)
	return encode(map[string]any{
		"time": properties["createdDateTime"], "resourceId": "/tenants/50000000-0000-4000-a000-000000000001/providers/Microsoft.aadiam",
		"operationName": "Sign-in activity", "operationVersion": "1.0", "category": "SignInLogs", "tenantId": "50000000-0000-4000-a000-000000000001",
		"resultType": strconv.Itoa(int(code)), "callerIpAddress": properties["ipAddress"], "identity": properties["userDisplayName"],
		"correlationId": properties["correlationId"], "Level": 4, "location": country, "properties": properties,
	})
}

// Audit is a directory audit as it lies beside sign-ins under azure:monitor:aad.
func Audit(at time.Time) []byte {
	return encode(map[string]any{
		"time": at.Format(time.RFC3339), "category": "AuditLogs", "operationName": "Update user", "resultType": "", "resultSignature": "None",
		"properties": map[string]any{"id": "audit", "userPrincipalName": "u1@example.co.jp", "createdDateTime": at.Format(time.RFC3339), "appDisplayName": "x"},
	})
}

// Wrapped puts a record inside an EventBridge event, under "detail".
func Wrapped(raw []byte) []byte {
	return encode(map[string]any{"version": "0", "detail-type": "AWS API Call via CloudTrail", "detail": json.RawMessage(raw)})
}

func encode(v any) []byte {
	out, err := json.Marshal(v)
	if err != nil {
		panic(err) // maps of texts and numbers always encode
	}
	return out
}

// event makes the fields of an event: those of the index, and on demand those that are extracted
// from its JSON when a search names them.
func (ev Event) event() *event {
	e := &event{fields: map[string]val{
		"_raw": text(ev.Raw), "_time": float(float64(ev.Time.UnixMicro()) / 1e6), "_indextime": float(float64(ev.Indexed.Unix())),
		"index": text(ev.Index), "sourcetype": text(ev.Sourcetype),
	}}
	for k, v := range ev.Fields {
		e.fields[k] = text(v)
	}
	var extracted map[string][]string
	e.lazy = func(name string) val {
		if extracted == nil {
			extracted = map[string][]string{}
			var doc any
			dec := json.NewDecoder(strings.NewReader(ev.Raw))
			dec.UseNumber()
			// Extraction reads the first 10,240 characters (limits.conf, [kv] maxchars).
			if len(ev.Raw) <= 10_240 && dec.Decode(&doc) == nil {
				flatten("", doc, extracted)
			}
		}
		switch l := extracted[name]; len(l) {
		case 0:
			return val{}
		case 1:
			return text(l[0])
		default:
			return several(l)
		}
	}
	return e
}

// flatten names values as automatic extraction does: "a.b" for members and "a{}.b" for the elements
// of a list. A null becomes the word.
func flatten(name string, doc any, into map[string][]string) {
	switch x := doc.(type) {
	case map[string]any:
		for k, v := range x {
			n := k
			if name != "" {
				n = name + "." + k
			}
			flatten(n, v, into)
		}
	case []any:
		for _, v := range x {
			flatten(name+"{}", v, into)
		}
	case nil:
		into[name] = append(into[name], "null")
	case string:
		into[name] = append(into[name], x)
	case bool:
		into[name] = append(into[name], strconv.FormatBool(x))
	case json.Number:
		into[name] = append(into[name], x.String())
	}
}
