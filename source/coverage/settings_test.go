package coverage_test

import (
	"fmt"
	"strings"
	"testing"

	"uratori/query"
	"uratori/source/coverage"
)

func settings(list []coverage.Setting) string {
	var out []string
	for _, s := range list {
		text := fmt.Sprintf("%s %s %s %q %d", s.Kind, s.Account, s.Region, s.Resource, s.On)
		if len(s.Groups) > 0 {
			text += " to " + strings.Join(s.Groups, ", ")
		}
		if !s.Since.IsZero() {
			text += " since " + query.Stamp(s.Since)
		}
		out = append(out, text)
	}
	return strings.Join(out, "; ")
}

func TestReadSettings(t *testing.T) {
	const account, region = "111122223333", "ap-northeast-1"
	for name, c := range map[string]struct{ body, want string }{
		"no flow log":                {`{"FlowLogs":[]}`, `vpc_flow 111122223333 ap-northeast-1 "" 0`},
		"flow logs":                  {`{"FlowLogs":[{"ResourceId":"vpc-1","FlowLogStatus":"ACTIVE","CreationTime":"2025-03-01T09:00:00+09:00"},{"ResourceId":"vpc-2","FlowLogStatus":"ACTIVE","DeliverLogsStatus":"FAILED"}]}`, `vpc_flow 111122223333 ap-northeast-1 "" 0; vpc_flow 111122223333 ap-northeast-1 "vpc-1" 2 since 2025-03-01T00:00:00Z; vpc_flow 111122223333 ap-northeast-1 "vpc-2" 0`},
		"a part of a list":           {`{"FlowLogs":[{"ResourceId":"vpc-1"},{"ResourceId":"vpc-2","FlowLogStatus":"ACTIVE"}],"NextToken":"x"}`, `vpc_flow 111122223333 ap-northeast-1 "vpc-2" 2`},
		"a time of another form":     {`{"FlowLogs":[{"ResourceId":"vpc-1","FlowLogStatus":"ACTIVE","CreationTime":1.7e9}]}`, `vpc_flow 111122223333 ap-northeast-1 "" 0; vpc_flow 111122223333 ap-northeast-1 "vpc-1" 2`},
		"associations":               {`{"ResolverQueryLogConfigAssociations":[{"ResourceId":"vpc-1","Status":"ACTIVE"},{"ResourceId":"vpc-2","Status":"CREATING"},{"ResourceId":"vpc-3","Status":"FAILED"}]}`, `dns 111122223333 ap-northeast-1 "" 0; dns 111122223333 ap-northeast-1 "vpc-1" 2; dns 111122223333 ap-northeast-1 "vpc-2" 1; dns 111122223333 ap-northeast-1 "vpc-3" 0`},
		"a cluster says where it is": {`{"cluster":{"name":"c","arn":"arn:aws:eks:eu-west-1:444455556666:cluster/c","logging":{"clusterLogging":[{"types":["api"],"enabled":true},{"types":["audit"],"enabled":false}]}}}`, `eks_audit 444455556666 eu-west-1 "c" 0`},
		"an instance":                {`{"DBInstances":[{"DBInstanceIdentifier":"d","EnabledCloudwatchLogsExports":["postgresql"]}]}`, `rds_audit 111122223333 ap-northeast-1 "d" 2 to /aws/rds/instance/d/postgresql`},
		"an instance of a cluster":   {`{"DBInstances":[{"DBInstanceIdentifier":"d","DBClusterIdentifier":"c","EnabledCloudwatchLogsExports":["error","audit"]}]}`, `rds_audit 111122223333 ap-northeast-1 "d" 2 to /aws/rds/cluster/c/audit`},
		"a cluster of databases":     {`{"DBClusters":[{"DBClusterIdentifier":"c","EnabledCloudwatchLogsExports":["audit"]}]}`, `rds_audit 111122223333 ap-northeast-1 "c" 2 to /aws/rds/cluster/c/audit`},
		"a cluster that is audited":  {`{"cluster":{"name":"c","logging":{"clusterLogging":[{"types":["audit"],"enabled":true}]}}}`, `eks_audit 111122223333 ap-northeast-1 "c" 2 to /aws/eks/c/cluster`},
		"flow logs to a log group":   {`{"FlowLogs":[{"ResourceId":"vpc-1","FlowLogStatus":"ACTIVE","LogDestinationType":"cloud-watch-logs","LogGroupName":"flows"},{"ResourceId":"vpc-2","FlowLogStatus":"ACTIVE","LogDestinationType":"s3","LogGroupName":"flows"}]}`, `vpc_flow 111122223333 ap-northeast-1 "" 0; vpc_flow 111122223333 ap-northeast-1 "vpc-1" 2 to flows; vpc_flow 111122223333 ap-northeast-1 "vpc-2" 2`},
		"log groups":                 {`{"logGroups":[{"logGroupName":"g"}]}`, ""},
		"no instance":                {`{"DBInstances":[]}`, ""},
		"a bucket":                   {`{"Bucket":"b","LoggingEnabled":{"TargetBucket":"l"}}`, `s3_access 111122223333 ap-northeast-1 "b" 2`},
		"a bucket without":           {`{"Bucket":"b","LoggingEnabled":null}`, `s3_access 111122223333 ap-northeast-1 "b" 0`},
		"wrong types":                {`{"FlowLogs":"none"}`, ""},
		"null":                       {`{"FlowLogs":null}`, ""},
		"no document":                {`x`, ""},
		"another document":           {`{"trailList":[]}`, ""},
	} {
		if got := settings(coverage.ReadSettings(account, region, []byte(c.body))); got != c.want {
			t.Errorf("%s: %s\nwant %s", name, got, c.want)
		}
	}
	if got := coverage.ReadSettings("", "", []byte(`{"FlowLogs":[]}`)); got != nil {
		t.Errorf("a list from nowhere: %v", got)
	}
}

// Where logs go is told only where that of each is known.
func TestDelivered(t *testing.T) {
	list := coverage.ReadSettings("111122223333", "ap-northeast-1", []byte(`{"FlowLogs":[
		{"ResourceId":"vpc-1","FlowLogStatus":"ACTIVE","LogDestinationType":"cloud-watch-logs","LogGroupName":"b"},
		{"ResourceId":"eni-1","FlowLogStatus":"ACTIVE","LogDestinationType":"cloud-watch-logs","LogGroupName":"a"},
		{"ResourceId":"eni-1","FlowLogStatus":"ACTIVE","LogDestinationType":"cloud-watch-logs","LogGroupName":"a"},
		{"ResourceId":"vpc-2","FlowLogStatus":"ACTIVE","LogDestinationType":"s3"},
		{"ResourceId":"vpc-3","FlowLogStatus":"ACTIVE","DeliverLogsStatus":"FAILED","LogDestinationType":"cloud-watch-logs","LogGroupName":"c"}]}`))
	for _, c := range []struct {
		of   []string
		want string
	}{
		{[]string{"vpc-1", "eni-1"}, "[a b] true"},
		{[]string{"vpc-1", "vpc-2"}, "[] false"},
		{[]string{"vpc-3"}, "[] false"},
		{nil, "[] false"},
	} {
		groups, ok := coverage.Delivered(list, c.of...)
		if got := fmt.Sprint(groups, ok); got != c.want {
			t.Errorf("%v: %s; want %s", c.of, got, c.want)
		}
	}
}

func TestReadGroups(t *testing.T) {
	for body, want := range map[string]string{
		`{"logGroups":[{"logGroupName":"a","retentionInDays":7,"creationTime":1740787200000},{"logGroupName":"b"},{"logGroupName":""},{"logGroupName":"c","retentionInDays":-1},{"logGroupName":"d","retentionInDays":99999999}]}`: "[{a 168h0m0s 2025-03-01 00:00:00 +0000 UTC} {b 0s 0001-01-01 00:00:00 +0000 UTC}]",
		`{"logGroups":[]}`: "[]", `{"FlowLogs":[]}`: "[]", `x`: "[]", `{"logGroups":"a"}`: "[]",
	} {
		if got := fmt.Sprint(coverage.ReadGroups([]byte(body))); got != want {
			t.Errorf("%s: %s; want %s", body, got, want)
		}
	}
}

func FuzzReadSettings(f *testing.F) {
	f.Add([]byte(`{"FlowLogs":[{"ResourceId":"vpc-1","FlowLogStatus":"ACTIVE"}]}`))
	f.Add([]byte(`{"cluster":{"arn":"::::::","logging":{"clusterLogging":[null]}}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, s := range coverage.ReadSettings("111122223333", "ap-northeast-1", body) {
			if s.Kind == "" || s.Account == "" || s.Region == "" {
				t.Errorf("a setting of nowhere: %+v", s)
			}
		}
		if _, err := coverage.ReadSelectors(body); err == nil && len(body) == 0 {
			t.Error("nothing was read as selectors")
		}
	})
}
