package cloudtrail

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"uratori/query"
)

// What is fetched must be a superset of what matches; of the ways to fetch one, the most
// selective is taken.
func TestLookupsOfAQuestion(t *testing.T) {
	long := strings.Repeat("x", 2001)
	for _, tt := range []struct{ where, want string }{
		{`access_key = "ASIA1"`, "AccessKeyId=ASIA1"},
		{`event_name = "GetObject" and event_source = "s3.amazonaws.com" and access_key = "ASIA1"`, "AccessKeyId=ASIA1"},
		{`user_arn = "arn:aws:sts::111122223333:assumed-role/Dev/u@example.co.jp" and not access_key = "ASIA1"`, "Username=u@example.co.jp"},
		{`user_arn = "arn:aws:iam::111122223333:user/team/alice" and event_name = "GetObject"`, "Username=alice"},
		{`user_arn = "arn:aws:iam::111122223333:root" and event_source = "s3.amazonaws.com"`, "EventSource=s3.amazonaws.com"},
		{`user_arn = "arn:aws:sts::111122223333:federated-user/bob"`, "everything"}, // its user name is not certain
		{`principal_id = "AROAEXAMPLE:u@example.co.jp"`, "Username=u@example.co.jp"},
		{`principal_id = "AIDAEXAMPLE"`, "everything"},
		{`session_name = "s" and event_source = "sts.amazonaws.com"`, "Username=s"},
		{`event_name in ("StopLogging", "DeleteTrail")`, "EventName=DeleteTrail EventName=StopLogging"},
		{`api in ("StopLogging", "DeleteTrail")`, "EventName=DeleteTrail EventName=StopLogging"},
		{`api = "GetFunction"`, "everything"}, // recorded as GetFunction20150331v2
		{`api = "GetFunction" and event_source = "lambda.amazonaws.com"`, "EventSource=lambda.amazonaws.com"},
		{`api = "GetFunction" and event_source = "iot.amazonaws.com"`, "EventName=GetFunction"},
		{`event_name = "GetFunction20150331v2"`, "EventName=GetFunction20150331v2"},
		{`bucket = "b" and api in ("PutBucketPolicy", "PutBucketAcl", "PutBucketWebsite")`, "ResourceName=b"},
		{`bucket = "b" and api = "PutBucketPolicy"`, "EventName=PutBucketPolicy"},
		{`source_ip = ip 192.0.2.7`, "everything"},
		{`not access_key = "ASIA1"`, "everything"},
		{`access_key != "ASIA1"`, "everything"},
		{`access_key prefix "ASIA"`, "everything"},
		{`access_key = "ASIA1" or source_ip = ip 192.0.2.7`, "everything"},
		{`access_key = "ASIA1" or session_name = "s"`, "AccessKeyId=ASIA1 Username=s"},
		{`(access_key = "ASIA1" or access_key = "ASIA1") and event_id = "e"`, "EventId=e"},
		{`access_key = ""`, "everything"},
		{`access_key = " a"`, "everything"},
		{`access_key = "a\nb"`, "everything"},
		{fmt.Sprintf(`access_key = %q`, long), "everything"},
		{`error_code exists`, "everything"},
	} {
		q, err := query.Parse("cloudtrail from 2025-09-01T00:00:00Z to 2025-09-03T00:00:00Z where " + tt.where + " select event_time, event_id limit 10")
		if err != nil {
			t.Fatal(err)
		}
		plan := choices(q)
		best := slices.MinFunc(plan, func(a, b candidate) int { return a.cost(q.Window) - b.cost(q.Window) })
		var got []string
		for _, a := range best {
			if a.key == "" {
				got = append(got, "everything")
			} else {
				got = append(got, a.key+"="+a.value)
			}
		}
		if s := strings.Join(got, " "); s != tt.want {
			t.Errorf("%s\nlooks up %s; want %s", tt.where, s, tt.want)
		}
	}
}

// Two minutes of everything are cheaper than many names.
func TestShortWindowsAreReadWhole(t *testing.T) {
	q, err := query.Parse(`cloudtrail from 2025-09-01T00:00:00Z to 2025-09-01T00:02:00Z where api in ("A", "B", "C", "D") select event_time, event_id limit 10`)
	if err != nil {
		t.Fatal(err)
	}
	plan := choices(q)
	best := slices.MinFunc(plan, func(a, b candidate) int { return a.cost(q.Window) - b.cost(q.Window) })
	if !best.all() {
		t.Errorf("looks up %v", best)
	}
}

func TestNativeCanBeRun(t *testing.T) {
	w := query.Window{From: time.Date(2025, 9, 1, 0, 0, 0, 0, time.UTC), To: time.Date(2025, 9, 2, 0, 0, 0, 0, time.UTC)}
	got := attribute{byUsername, `o'neill,"x" $(id) <a>`}.native(place{"111122223333", "us-east-1"}, w)
	want := `aws cloudtrail lookup-events --region us-east-1 --lookup-attributes '[{"AttributeKey":"Username","AttributeValue":"o'\''neill,\"x\" $(id) <a>"}]'` +
		` --start-time 2025-09-01T00:00:00Z --end-time 2025-09-02T00:00:00Z # account 111122223333`
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestWithout(t *testing.T) {
	day := func(from, to int) query.Window {
		return query.Window{From: time.Date(2025, 9, from, 0, 0, 0, 0, time.UTC), To: time.Date(2025, 9, to, 0, 0, 0, 0, time.UTC)}
	}
	for _, tt := range []struct {
		others, want []query.Window
	}{
		{nil, []query.Window{day(10, 20)}},
		{[]query.Window{day(1, 5), day(25, 28)}, []query.Window{day(10, 20)}},
		{[]query.Window{day(1, 10), day(20, 28)}, []query.Window{day(10, 20)}},
		{[]query.Window{day(12, 14), day(16, 30)}, []query.Window{day(10, 12), day(14, 16)}},
		{[]query.Window{day(16, 30), day(12, 14), day(13, 17)}, []query.Window{day(10, 12)}},
		{[]query.Window{day(10, 20)}, nil},
		{[]query.Window{day(15, 20), day(10, 15)}, nil},
	} {
		if got := without(day(10, 20), tt.others); !slices.Equal(got, tt.want) {
			t.Errorf("without %v: %v; want %v", tt.others, got, tt.want)
		}
	}
}
