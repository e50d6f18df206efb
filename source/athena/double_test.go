package athena

import (
	"context"
	"testing"
	"time"

	"uratori/evidence"
	"uratori/query"
	"uratori/source"
	"uratori/source/athenatest"
	"uratori/source/awsconn"
	"uratori/source/awstest"
	"uratori/source/call"
	"uratori/source/sourcetest"
)

// A double is a source and the Athena that it asks.
type double struct {
	*Source
	athena *athenatest.Athena
	aws    *awstest.Server
}

const (
	database = "logs"
	lakeDB   = "amazon_security_lake_glue_db_ap_northeast_1"
)

// tableNames are the tables of each layout, as AWS names them.
var tableNames = map[athenatest.Layout]string{
	athenatest.Trail: "cloudtrail_logs_pp", athenatest.OCSF1: "amazon_security_lake_table_ap_northeast_1_cloud_trail_mgmt_1_0",
	athenatest.OCSF2: "amazon_security_lake_table_ap_northeast_1_cloud_trail_mgmt_2_0",
}

// against returns a source over a table of records.
func against(t testing.TB, records [][]byte, tab athenatest.Options, change ...func(*Options)) double {
	t.Helper()
	return connected(t, records, tab, func(*awsconn.Options) {}, change...)
}

// connected is against with another connection.
func connected(t testing.TB, records [][]byte, tab athenatest.Options, other func(*awsconn.Options), change ...func(*Options)) double {
	t.Helper()
	server := awstest.New(t, "athena")
	d := double{athena: athenatest.New(t, server), aws: server}
	name, db := tableNames[tab.Layout], database
	if tab.Layout != athenatest.Trail {
		db = lakeDB
	}
	d.athena.Table(db, name, records, tab)
	aws := awsconn.Options{
		Name: "athena", Region: awstest.Region, Transport: server.Transport(), Caller: call.New(call.Options{Backoff: time.Millisecond, Failures: 1000}),
		Keys: func(context.Context) (awsconn.Keys, error) {
			b := server.Base()
			return awsconn.Keys{AccessKeyID: b.AccessKeyID, SecretAccessKey: b.SecretAccessKey}, nil
		},
	}
	other(&aws)
	conn, err := awsconn.New(aws)
	if err != nil {
		t.Fatal(err)
	}
	opt := Options{
		Name: "athena", Conn: conn, Database: db, Table: name, Poll: time.Millisecond, Now: func() time.Time { return sourcetest.Ended.Add(24 * time.Hour) },
	}
	for _, c := range change {
		c(&opt)
	}
	s, err := New(opt)
	if err != nil {
		t.Fatal(err)
	}
	d.Source = s
	return d
}

// scanned are the bytes of all calls.
func scanned(m *sourcetest.Meter) (n int64) {
	for _, c := range m.Made() {
		n += c.Bytes
	}
	return n
}

// all asks for the events of the suite's window.
func all(where string, fields ...query.Field) query.Query {
	q := query.Query{
		Dataset: query.CloudTrail, Window: query.Window{From: sourcetest.Began, To: sourcetest.Ended},
		Select: append([]query.Field{query.EventTime, query.EventID}, fields...), Limit: 1000,
	}
	if where != "" {
		e, err := query.ParseExpr(query.CloudTrail, where)
		if err != nil {
			panic(err)
		}
		q.Where = e
	}
	return q
}

func ask(t *testing.T, s source.Source, q query.Query) evidence.Answer {
	t.Helper()
	a, err := s.Ask(t.Context(), q)
	if err != nil {
		t.Fatalf("%s\n%v", q, err)
	}
	return a
}

func records() [][]byte { return sourcetest.Records()[query.CloudTrail] }
