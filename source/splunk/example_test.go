package splunk_test

import (
	"context"
	"fmt"
	"time"

	"uratori/query"
	"uratori/source/call"
	"uratori/source/splunk"
	"uratori/source/splunktest"
)

// A question is asked of the places where its dataset lies, and its answer is whole or says why not.
func Example() {
	d := splunktest.New(splunktest.Options{Events: splunktest.Events("aws", splunk.AWSCloudTrail, [][]byte{
		[]byte(`{"eventID":"1","eventTime":"2025-09-09T04:20:05Z","eventName":"ListFunctions20150331","eventSource":"lambda.amazonaws.com"}`),
		[]byte(`{"eventID":"2","eventTime":"2025-09-09T04:21:10Z","eventName":"ListBuckets","eventSource":"s3.amazonaws.com","errorCode":"AccessDenied"}`),
	})})
	defer d.Close()
	s, err := splunk.New(splunk.Options{
		Name: "splunk-prod", Endpoint: d.URL, Caller: call.New(call.Options{}),
		Token:  func(context.Context) (string, error) { return "test-token", nil },
		Places: []splunk.Place{{Dataset: query.CloudTrail, Index: "aws", Sourcetype: splunk.AWSCloudTrail}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer s.Close()
	from := time.Date(2025, 9, 9, 0, 0, 0, 0, time.UTC)
	a, err := s.Ask(context.Background(), query.Query{
		Dataset: query.CloudTrail, Window: query.Window{From: from, To: from.Add(24 * time.Hour)},
		GroupBy: []query.Key{{Field: "api"}, {Field: "denied"}}, Compute: []query.Aggregate{{Func: query.Count, As: "n"}}, Limit: 100,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(a.Outcome, a.Columns)
	for _, row := range a.Rows {
		fmt.Println(row)
	}
	// Output:
	// Found [api denied n]
	// [ListBuckets true 1]
	// [ListFunctions false 1]
}
