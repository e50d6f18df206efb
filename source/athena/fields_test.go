package athena

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"uratori/query"
	"uratori/source/athenatest"
	"uratori/source/sourcetest"
)

// variants are records in which every field of the schema has unusual values.
func variants() [][]byte {
	pick := func(i int, of ...any) any { return of[i%len(of)] }
	var out [][]byte
	for i := range 120 {
		at := sourcetest.Began.Add(time.Duration(i*37%2870) * time.Minute)
		e := map[string]any{
			"eventVersion": pick(i, "1.08", "1.11"), "eventID": fmt.Sprintf("00000000-0000-4000-b000-%012d", i), "eventTime": at.Format(time.RFC3339),
			"eventName":   pick(i, "GetFunction20150331v2", "ListFunctions20150331", "CreateDistribution2020_05_31", "GetObject", "X20150331", "20150331", "Av20150331v1", "Get19991231", "ConsoleLogin", "CreateUser", "GetFoo20150331v", "v2", "Two\nlines20150331"),
			"eventSource": pick(i/2, "s3.amazonaws.com", "lambda.amazonaws.com", "cloudtrail.amazonaws.com", "iam.amazonaws.com"),
			"eventType":   pick(i, "AwsApiCall", "AwsConsoleSignIn", "AwsServiceEvent"), "eventCategory": pick(i/3, "Management", "Data"),
			"awsRegion": sourcetest.Region, "recipientAccountId": sourcetest.Account,
			"sourceIPAddress": pick(i, "192.0.2.7", "2001:db8::1", "2001:DB8:0:0:0:0:0:2", "::ffff:198.51.100.4", "[2001:db8::3]", "192.0.2.9:443", "[2001:db8::4]:443", "fe80::1%eth0", "AWS Internal", "s3.amazonaws.com", "999.1.1.1", "192.0.2.07", "1.2.3", "", " 192.0.2.8 ", "::", "0.0.0.0"),
			"userAgent":       pick(i, "aws-cli/2", "AWS-CLI/2", "", `it's "x" \ % _`, "名前\u202e"),
			"errorCode":       pick(i, nil, "AccessDenied", "Client.UnauthorizedOperation", "NoSuchKey", "a.b.AccessDeniedException", "accessdenied", "", "AccessDenied.x"),
			"errorMessage":    pick(i, nil, "no", "User: x is not authorized"), "requestID": fmt.Sprintf("r%d", i), "sharedEventID": pick(i, nil, "s1"), "vpcEndpointId": pick(i, nil, "vpce-1"),
			"readOnly": pick(i, true, false, nil, "true", "FALSE", "maybe"), "managementEvent": pick(i/3, true, false),
			"userIdentity": map[string]any{
				"type": pick(i, "AssumedRole", "IAMUser", "Root"), "principalId": fmt.Sprintf("AROA%d:x", i%4), "accountId": pick(i, sourcetest.Account, "444455556666"),
				"arn":      pick(i, "arn:aws:sts::111122223333:assumed-role/r/s", "arn:aws:sts::111122223333:assumed-role/r/a/b", "arn:aws:iam::111122223333:user/u", "arn:assumed-role/x/y", "arn:aws:sts::1:assumed-role/r", "arn:aws:sts::1:assumed-role/r/", "x:assumed-role/r/s", "arn:x:assumed-role/a:assumed-role/b/c", "arn:aws:sts::1:assumed-role/r/two\nlines"),
				"userName": pick(i, nil, "alice"), "accessKeyId": pick(i, "ASIAEXAMPLE00000001", nil), "invokedBy": pick(i, nil, "s3.amazonaws.com"),
				"onBehalfOf": map[string]any{"userId": pick(i, nil, "u-1"), "identityStoreArn": pick(i, nil, "arn:aws:identitystore::1:identitystore/d-1")},
				"sessionContext": map[string]any{
					"attributes":    map[string]any{"creationDate": pick(i, "2025-09-08T01:02:03Z", nil, "2025-09-07T23:59:59Z"), "mfaAuthenticated": pick(i, "true", "false", nil)},
					"sessionIssuer": map[string]any{"arn": pick(i, nil, "arn:aws:iam::111122223333:role/r"), "userName": pick(i, nil, "r")},
				},
			},
			"requestParameters": pick(i, map[string]any{
				"bucketName": pick(i/2, "b", "", nil, 5, true, map[string]any{"x": 1}, []any{"l", 1}), "key": pick(i, "k/"+fmt.Sprint(i), 1.5), "roleArn": "arn:aws:iam::1:role/x", "roleSessionName": "s",
				"userName": pick(i, "bob", nil), "name": pick(i, "arn:aws:cloudtrail:x:1:trail/main", "main", nil), "trailName": "other", "deep": map[string]any{"er": pick(i, "v", 7, nil)},
			}, nil, map[string]any{}),
			"responseElements":    pick(i, nil, map[string]any{"accessKey": map[string]any{"accessKeyId": "AKIAEXAMPLE00000009"}, "ConsoleLogin": "Success"}, map[string]any{"credentials": map[string]any{"accessKeyId": "ASIAEXAMPLE00000009", "sessionToken": "secret"}}),
			"additionalEventData": map[string]any{"bytesTransferredOut": pick(i, 12, 0, json.Number("12.0"), "7", "x", json.Number("1e3"), json.Number("1.5"), nil), "bytesTransferredIn": pick(i, nil, 3)},
			"serviceEventDetails": pick(i, nil, map[string]any{"account_id": "1", "role_name": "Dev"}),
		}
		data, err := json.Marshal(e)
		if err != nil {
			panic(err)
		}
		out = append(out, data)
	}
	return out
}

// questions draws questions over all the fields that a table holds.
func questions(t *table) *rapid.Generator[query.Query] {
	schema, _ := query.SchemaOf(query.CloudTrail)
	var fields []query.Field
	for _, f := range schema.Names() {
		if t.holds(schema, f) == nil && f != query.Raw && f != query.RawSHA256 {
			fields = append(fields, f)
		}
	}
	fields = append(fields, "raw:requestParameters.bucketName", "raw:requestParameters.deep.er", "raw:userIdentity.arn")
	values := map[query.Type][]query.Value{
		query.Bool: {query.BoolOf(true), query.BoolOf(false)}, query.Int: {query.IntOf(12), query.IntOf(0), query.IntOf(-1), query.IntOf(1000)},
		query.Time: {query.TimeOf(sourcetest.Began.Add(time.Hour)), query.TimeOf(time.Date(2025, 9, 8, 1, 2, 3, 0, time.UTC))},
		query.IP:   {query.IPOf("192.0.2.7"), query.IPOf("2001:db8::1"), query.IPOf("198.51.100.4"), query.IPOf("::"), query.IPOf("0.0.0.0")},
	}
	for _, s := range []string{"", "b", "5", "true", "AccessDenied", "s", "a/b", "y", "GetFunction", "X", "{", `["l",1]`, `{"x":1}`, "Management", "main", "two\nlines", "aws-cli/2", "ASIAEXAMPLE00000009", "AWS Internal", "1.2.3"} {
		values[query.Text] = append(values[query.Text], query.TextOf(s))
	}
	values[query.JSON] = values[query.Text]
	return rapid.Custom(func(rt *rapid.T) query.Query {
		field := func() query.Field { return rapid.SampledFrom(fields).Draw(rt, "field") }
		var cond func(depth int) query.Expr
		cond = func(depth int) query.Expr {
			f := field()
			spec, _ := schema.Field(f)
			v := func() query.Value { return rapid.SampledFrom(values[spec.Type]).Draw(rt, "value") }
			switch n := rapid.IntRange(0, 8).Draw(rt, "kind"); {
			case n == 0 && depth > 0:
				return query.And{Terms: []query.Expr{cond(depth - 1), cond(depth - 1)}}
			case n == 1 && depth > 0:
				return query.Or{Terms: []query.Expr{cond(depth - 1), cond(depth - 1)}}
			case n == 2 && depth > 0:
				return query.Not{X: cond(depth - 1)}
			case n == 3 && spec.Type == query.IP:
				return query.CIDR{Field: f, Prefix: rapid.SampledFrom([]netip.Prefix{netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("::/0"), netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("2001:db8::/127")}).Draw(rt, "net")}
			case n == 4 && (spec.Type == query.Text || spec.Type == query.IP):
				return query.Prefix{Field: f, Value: rapid.SampledFrom(values[query.Text]).Draw(rt, "prefix")}
			case n == 5 && (spec.Type == query.Text || spec.Type == query.IP):
				return query.Contains{Field: f, Value: rapid.SampledFrom(values[query.Text]).Draw(rt, "part")}
			case n == 6:
				return query.In{Field: f, Values: []query.Value{v(), v()}}
			case n == 7:
				return query.Exists{Field: f}
			default:
				op := rapid.SampledFrom([]query.Op{query.Equal, query.Equal, query.NotEqual, query.Less, query.LessOrEqual, query.Greater, query.GreaterOrEqual}).Draw(rt, "op")
				if spec.Type == query.Bool && op != query.NotEqual {
					op = query.Equal
				}
				return query.Compare{Field: f, Op: op, Value: v()}
			}
		}
		q := query.Query{Dataset: query.CloudTrail, Window: query.Window{From: sourcetest.Began, To: sourcetest.Ended}, Limit: rapid.SampledFrom([]int{2, 1000}).Draw(rt, "limit")}
		if rapid.Bool().Draw(rt, "filtered") {
			q.Where = cond(2)
		}
		if rapid.Bool().Draw(rt, "events") {
			q.Select = []query.Field{query.EventTime, query.EventID}
			for range 3 {
				if f := field(); !slices.Contains(q.Select, f) {
					q.Select = append(q.Select, f)
				}
			}
			if rapid.Bool().Draw(rt, "ordered") {
				q.Order = []query.Order{{By: string(q.Select[len(q.Select)-1]), Desc: rapid.Bool().Draw(rt, "desc")}}
			}
			return q
		}
		q.GroupBy = []query.Key{{Field: field()}}
		f := field()
		spec, _ := schema.Field(f)
		q.Compute = []query.Aggregate{
			{Func: query.Count, As: "n"},
			{Func: query.Count, Field: f, As: "having"},
			{Func: query.CountDistinct, Field: f, As: "different"},
			{Func: query.Min, Field: f, As: "least"},
			{Func: query.Max, Field: f, As: "most"},
			{Func: query.Values, Field: f, As: "some", Limit: rapid.SampledFrom([]int{2, 100}).Draw(rt, "values")},
		}
		if spec.Type == query.Int {
			q.Compute = append(q.Compute, query.Aggregate{Func: query.Sum, Field: f, As: "total"})
		}
		if rapid.Bool().Draw(rt, "ordered") {
			q.Order = []query.Order{{By: rapid.SampledFrom([]string{"n", "different"}).Draw(rt, "by"), Desc: rapid.Bool().Draw(rt, "desc")}}
		}
		return q
	})
}

// Every field, over records with unusual values in it, is what the embedded store says it is.
func TestFields(t *testing.T) {
	for name, tab := range map[string]athenatest.Options{
		"trail":           {Add: map[string]string{"managementevent": "boolean"}},
		"Security Lake 1": {Layout: athenatest.OCSF1}, "Security Lake 2": {Layout: athenatest.OCSF2},
	} {
		t.Run(name, func(t *testing.T) {
			d := against(t, variants(), tab)
			truth := sourcetest.Reference(t, map[query.Dataset][][]byte{query.CloudTrail: variants()})
			var cost tally
			tab, err := d.describe(t.Context(), &cost)
			if err != nil {
				t.Fatal(err)
			}
			rapid.Check(t, func(rt *rapid.T) {
				q := questions(tab).Draw(rt, "question")
				want, err := truth.Ask(t.Context(), q)
				if err != nil {
					rt.Fatalf("the reference cannot answer\n%s\n%v", q, err)
				}
				got, err := d.Ask(t.Context(), q)
				if err != nil {
					rt.Fatalf("%s\n%v", q, err)
				}
				if diff := sourcetest.Differ(got, want); diff != "" {
					rt.Fatalf("%s\nasked as\n%s\n%s", q, got.Native, diff)
				}
			})
		})
	}
}
