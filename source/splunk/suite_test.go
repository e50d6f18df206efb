package splunk_test

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"uratori/query"
	"uratori/source/call"
	"uratori/source/sourcetest"
	"uratori/source/splunk"
	"uratori/source/splunktest"
)

// after is a moment after all records were delivered.
var after = sourcetest.Ended.Add(24 * time.Hour)

// awake does not wait, and leaves when it should.
func awake(ctx context.Context, _ time.Duration) error { return context.Cause(ctx) }

// splunkd starts a server with events and the source that asks it.
func splunkd(t testing.TB, server splunktest.Options, places []splunk.Place, change func(*splunk.Options)) (*splunktest.Server, *splunk.Source) {
	t.Helper()
	d := splunktest.New(server)
	opt := splunk.Options{
		Name: "splunk-prod", Endpoint: d.URL, Places: places, Now: func() time.Time { return after }, Sleep: awake,
		Token:  func(context.Context) (string, error) { return "test-token", nil },
		Caller: call.New(call.Options{Sleep: awake, Failures: 1000}),
	}
	if change != nil {
		change(&opt)
	}
	s, err := splunk.New(opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.Close()
		d.Close()
	})
	return d, s
}

func each(raws [][]byte, wrap func([]byte) []byte) [][]byte {
	out := make([][]byte, len(raws))
	for i, r := range raws {
		out[i] = wrap(r)
	}
	return out
}

// The datasets in the shapes in which they lie in Splunk.
func shapes() map[string]struct {
	events []splunktest.Event
	place  splunk.Place
} {
	type shape = struct {
		events []splunktest.Event
		place  splunk.Place
	}
	records := sourcetest.Records()
	trail, signin := records[query.CloudTrail], records[query.SignIn]
	return map[string]shape{
		"aws:cloudtrail": {splunktest.Events("aws", splunk.AWSCloudTrail, trail), splunk.Place{Dataset: query.CloudTrail, Index: "aws", Sourcetype: splunk.AWSCloudTrail}},
		"azure:aad:signin": {
			splunktest.Events("azure", splunk.AzureAADSignIn, signin), splunk.Place{Dataset: query.SignIn, Index: "azure", Sourcetype: splunk.AzureAADSignIn},
		},
		"ms:aad:signin": {splunktest.Events("azure", splunk.MSAADSignIn, signin), splunk.Place{Dataset: query.SignIn, Index: "azure", Sourcetype: splunk.MSAADSignIn}},
		"azure:monitor:aad": {
			append(splunktest.Events("azure", splunk.AzureMonitorAAD, each(signin, splunktest.Monitor)),
				splunktest.Events("azure", splunk.AzureMonitorAAD, [][]byte{splunktest.Audit(sourcetest.Began.Add(time.Hour))})...),
			splunk.Place{Dataset: query.SignIn, Index: "azure", Sourcetype: splunk.AzureMonitorAAD},
		},
		"own, wrapped": {
			splunktest.Events("bus", "own:eventbridge", each(trail, splunktest.Wrapped)),
			splunk.Place{Dataset: query.CloudTrail, Index: "bus", Sourcetype: "own:eventbridge", Map: &splunk.Map{Record: "detail"}},
		},
		"own, paths": {
			splunktest.Events("own", "own:trail", each(trail, renamed)),
			splunk.Place{Dataset: query.CloudTrail, Index: "own", Sourcetype: "own:trail", Map: &splunk.Map{Paths: map[query.Field][]query.Path{
				"user_agent": {"client.agent"}, "source_ip": {"client.addr"}, "source_service": {"client.addr"}, "region": {"where"},
			}}},
		},
		"own, whole": {
			splunktest.Events("azure", "own:signin", signin),
			splunk.Place{Dataset: query.SignIn, Index: "azure", Sourcetype: "own:signin", Map: &splunk.Map{Whole: true}},
		},
	}
}

// renamed moves values to paths that no schema knows.
func renamed(raw []byte) []byte {
	var doc map[string]any
	if err := json.Unmarshal(raw, &doc); err != nil {
		panic(err) // of the test's own making
	}
	client := map[string]any{"addr": doc["sourceIPAddress"]}
	if agent, ok := doc["userAgent"]; ok {
		client["agent"] = agent
	}
	doc["client"], doc["where"] = client, doc["awsRegion"]
	delete(doc, "userAgent")
	delete(doc, "sourceIPAddress")
	delete(doc, "awsRegion")
	out, err := json.Marshal(doc)
	if err != nil {
		panic(err)
	}
	return out
}

// wrapped events are dated by their record.
func dated(events []splunktest.Event, raws [][]byte) []splunktest.Event {
	plain := splunktest.Events("", "", raws)
	for i := range events {
		if i < len(plain) {
			events[i].Time, events[i].Indexed = plain[i].Time, plain[i].Indexed
		}
	}
	return events
}

// TestMain draws fewer questions than rapid would by itself: each of them opens a store twice.
func TestMain(m *testing.M) {
	flag.Parse()
	set := false
	flag.Visit(func(f *flag.Flag) { set = set || f.Name == "rapid.checks" })
	if !set {
		_ = flag.Set("rapid.checks", "12") // the flag exists: the suite imports rapid
	}
	goleak.VerifyTestMain(m)
}

func TestAnswersAreThoseOfTheEmbeddedStore(t *testing.T) {
	for name, shape := range shapes() {
		for _, way := range []splunk.Way{splunk.ByJob, splunk.ByOneshot, splunk.ByExport} {
			if way != splunk.ByJob && (name != "aws:cloudtrail" || way == splunk.ByOneshot) || name == "ms:aad:signin" {
				continue // the same searches
			}
			t.Run(fmt.Sprintf("%s by %d", name, way), func(t *testing.T) {
				events := shape.events
				if strings.Contains(name, "wrapped") {
					events = dated(events, sourcetest.Records()[query.CloudTrail])
				}
				_, s := splunkd(t, splunktest.Options{Events: events, Caps: splunktest.Caps{Page: 100}}, []splunk.Place{shape.place}, func(o *splunk.Options) { o.Way = way })
				truth := sourcetest.Records()
				if shape.place.Sourcetype == splunk.AzureMonitorAAD {
					truth[query.SignIn] = each(truth[query.SignIn], splunktest.Monitor)
				}
				sourcetest.RunOver(t, s, truth, shape.place.Dataset)
			})
		}
	}
}

// One dataset in two sourcetypes, each with half of the records in its own shape.
func TestAnswersFromTwoPlaces(t *testing.T) {
	raws := sourcetest.Records()[query.SignIn]
	half := len(raws) / 2
	monitor := each(raws[:half], splunktest.Monitor)
	events := append(splunktest.Events("azure", splunk.AzureMonitorAAD, monitor), splunktest.Events("graph", splunk.AzureAADSignIn, raws[half:])...)
	_, s := splunkd(t, splunktest.Options{Events: events}, []splunk.Place{
		{Dataset: query.SignIn, Index: "azure", Sourcetype: splunk.AzureMonitorAAD}, {Dataset: query.SignIn, Index: "graph", Sourcetype: splunk.AzureAADSignIn},
	}, nil)
	sourcetest.RunOver(t, s, map[query.Dataset][][]byte{query.SignIn: append(monitor, raws[half:]...)}, query.SignIn)
}
