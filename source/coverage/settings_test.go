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
		"an instance":                {`{"DBInstances":[{"DBInstanceIdentifier":"d","EnabledCloudwatchLogsExports":["postgresql"]}]}`, `rds_audit 111122223333 ap-northeast-1 "d" 2`},
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
