package athenatest

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// A Layout is how records stand in a table.
type Layout uint8

// The layouts.
const (
	Trail Layout = iota // log files of a trail
	OCSF1               // Security Lake source version 1
	OCSF2               // Security Lake source version 2, an Iceberg table
)

// A Division is how a trail's table is divided; Security Lake's tables have their own.
type Division uint8

// The divisions.
const (
	Projected Division = iota // account, region and timestamp by partition projection
	Injected                  // the same; account must be named
	ByHand                    // region, year, month, day
	Undivided
)

// Options say what a table is. The zero value is a trail's table with projected partitions.
type Options struct {
	Layout   Layout
	Division Division
	Drop     []string          // columns that the table lacks
	Add      map[string]string // further columns, with their types
	// Delivered is when a record was delivered; nil is five minutes after its event.
	Delivered func(event time.Time) time.Time
}

const trailColumns = `eventversion string
useridentity struct<type:string,principalid:string,arn:string,accountid:string,invokedby:string,accesskeyid:string,username:string,onbehalfof:struct<userid:string,identitystorearn:string>,sessioncontext:struct<attributes:struct<mfaauthenticated:string,creationdate:string>,sessionissuer:struct<type:string,principalid:string,arn:string,accountid:string,username:string>,ec2roledelivery:string,webidfederationdata:struct<federatedprovider:string,attributes:map<string,string>>>>
eventtime string
eventsource string
eventname string
awsregion string
sourceipaddress string
useragent string
errorcode string
errormessage string
requestparameters string
responseelements string
additionaleventdata string
requestid string
eventid string
readonly string
resources array<struct<arn:string,accountid:string,type:string>>
eventtype string
apiversion string
recipientaccountid string
serviceeventdetails string
sharedeventid string
vpcendpointid string
vpcendpointaccountid string
eventcategory string
addendum struct<reason:string,updatedfields:string,originalrequestid:string,originaleventid:string>
sessioncredentialfromconsole string
edgedevicedetails string
tlsdetails struct<tlsversion:string,ciphersuite:string,clientprovidedhostheader:string>`

const ocsfColumns = `metadata struct<product:struct<version:string,name:string,vendor_name:string,feature:struct<name:string>>,event_code:string,uid:string,profiles:array<string>,version:string>
time bigint
%s
cloud struct<region:string,provider:string>
api struct<response:struct<error:string,message:string,data:string>,operation:string,version:string,service:struct<name:string>,request:struct<data:string,uid:string>>
actor struct<user:struct<%s>,session:struct<%s,is_mfa:boolean,issuer:string>,invoked_by:string,idp:struct<name:string>>
http_request struct<user_agent:string>
src_endpoint struct<uid:string,ip:string,domain:string>
class_name string
class_uid int
category_uid int
severity_id int
status string
unmapped map<string,string>
%s`

// described are the columns of a layout.
func described(l Layout) string {
	switch l {
	case OCSF1:
		return fmt.Sprintf(ocsfColumns, "severity string", "type:string,name:string,uid:string,uuid:string,account_uid:string,credential_uid:string", "created_time:bigint", "type_uid bigint")
	case OCSF2:
		return fmt.Sprintf(ocsfColumns, "time_dt timestamp", "type:string,name:string,uid:string,uid_alt:string,account:struct<uid:string>,credential_uid:string", "created_time_dt:timestamp", "accountid string\nregion string")
	case Trail:
	}
	return trailColumns
}

type described1 struct{ Name, Type string }

// A table is a table of the catalog.
type table struct {
	columns    []described1
	keys       []described1 // of partitions
	parameters map[string]string
	layout     Layout
	injected   []string
	rel        relation
	parts      []partition
}

// A partition is a folder of files.
type partition struct {
	values []any // of the columns at
	rows   []int
	bytes  int64
}

// newTable makes a table of records.
func newTable(records [][]byte, opt Options) (*table, error) {
	t := &table{layout: opt.Layout, parameters: map[string]string{"EXTERNAL": "TRUE"}}
	lines := strings.Split(described(opt.Layout), "\n")
	for _, name := range slices.Sorted(maps.Keys(opt.Add)) {
		lines = append(lines, name+" "+opt.Add[name])
	}
	for _, line := range lines {
		name, text, _ := strings.Cut(line, " ")
		if slices.Contains(opt.Drop, name) {
			continue
		}
		h, _, err := hive(text)
		if err != nil {
			return nil, err
		}
		t.columns = append(t.columns, described1{name, text})
		t.rel.cols = append(t.rel.cols, col{name, h})
	}
	var divide func(account, region string, event, delivered time.Time) []any
	switch {
	case opt.Layout == OCSF2:
		t.parameters["table_type"] = "ICEBERG"
	case opt.Layout == OCSF1:
		t.keys = []described1{{"region", "string"}, {"accountid", "string"}, {"eventday", "string"}}
		divide = func(account, region string, event, _ time.Time) []any {
			return []any{region, account, event.Format("20060102")}
		}
	case opt.Division == ByHand:
		t.keys = []described1{{"region", "string"}, {"year", "string"}, {"month", "string"}, {"day", "string"}}
		divide = func(_, region string, _, at time.Time) []any {
			return []any{region, at.Format("2006"), at.Format("01"), at.Format("02")}
		}
	case opt.Division == Undivided:
		divide = func(string, string, time.Time, time.Time) []any { return nil }
	default:
		t.keys = []described1{{"account", "string"}, {"region", "string"}, {"timestamp", "string"}}
		divide = func(account, region string, _, at time.Time) []any {
			return []any{account, region, at.Format("2006/01/02")}
		}
		maps.Copy(t.parameters, map[string]string{
			"projection.enabled": "true", "projection.timestamp.type": "date", "projection.timestamp.format": "yyyy/MM/dd",
			"projection.timestamp.range": "2020/01/01,NOW", "projection.account.type": "enum", "projection.region.type": "enum",
		})
		if opt.Division == Injected {
			t.parameters["projection.account.type"] = "injected"
			t.injected = []string{"account"}
		}
	}
	for _, k := range t.keys {
		t.rel.cols = append(t.rel.cols, col{k.Name, varcharT})
	}
	at := map[string]int{}
	for _, raw := range records {
		var record map[string]json.RawMessage
		if err := json.Unmarshal(raw, &record); err != nil {
			return nil, err
		}
		event, err := time.Parse(time.RFC3339, textOf(record["eventTime"]))
		if err != nil {
			return nil, err
		}
		account, region := textOf(record["recipientAccountId"]), textOf(record["awsRegion"])
		if opt.Layout != Trail {
			if record, err = ocsf(record, event, opt.Layout); err != nil {
				return nil, err
			}
		}
		row := make([]any, 0, len(t.rel.cols))
		for _, c := range t.rel.cols[:len(t.columns)] {
			v, err := read(member1(record, c.name), c.typ)
			if err != nil {
				return nil, fmt.Errorf("column %s: %w", c.name, err)
			}
			row = append(row, v)
		}
		delivered := event.Add(5 * time.Minute)
		if opt.Delivered != nil {
			delivered = opt.Delivered(event)
		}
		var values []any
		if divide != nil {
			values = divide(account, region, event.UTC(), delivered.UTC())
			row = append(row, values...)
		} else { // Iceberg keeps the day of time_dt
			values = []any{account, region, event.UTC().Format("20060102")}
		}
		key := keyOf(values)
		if _, ok := at[key]; !ok {
			at[key] = len(t.parts)
			t.parts = append(t.parts, partition{values: values})
		}
		p := &t.parts[at[key]]
		p.rows = append(p.rows, len(t.rel.rows))
		p.bytes += int64(len(raw))
		t.rel.rows = append(t.rel.rows, row)
	}
	return t, nil
}

// member1 is a member of a record by its name in lower case, as the JSON SerDes find it; of
// several, the first by name.
func member1(record map[string]json.RawMessage, name string) json.RawMessage {
	first := ""
	for k := range record {
		if (first == "" || k < first) && strings.ToLower(k) == name {
			first = k
		}
	}
	return record[first]
}

func textOf(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return ""
	}
	return s
}

// read makes a value of a column's type of JSON. Text columns take any JSON as it is written.
func read(raw json.RawMessage, t typ) (any, error) {
	raw = bytes.TrimSpace(raw)
	if len(raw) == 0 || string(raw) == "null" {
		return nil, nil
	}
	switch t.name {
	case "varchar":
		if raw[0] == '"' {
			var s string
			err := json.Unmarshal(raw, &s)
			return s, err
		}
		return string(raw), nil
	case "bigint":
		var n int64
		err := json.Unmarshal(raw, &n)
		return n, err
	case "boolean":
		var b bool
		err := json.Unmarshal(raw, &b)
		return b, err
	case "timestamp":
		at, err := time.Parse(time.RFC3339, textOf(raw))
		return at.UnixMicro(), err
	case "array":
		var l []json.RawMessage
		if err := json.Unmarshal(raw, &l); err != nil {
			return nil, err
		}
		out := []any{}
		for _, e := range l {
			v, err := read(e, *t.elem)
			if err != nil {
				return nil, err
			}
			out = append(out, v)
		}
		return out, nil
	case "map":
		var m map[string]json.RawMessage
		if err := json.Unmarshal(raw, &m); err != nil {
			return nil, err
		}
		out := map[string]any{}
		for k, e := range m {
			v, err := read(e, *t.elem)
			if err != nil {
				return nil, err
			}
			out[k] = v
		}
		return out, nil
	case "row":
		var m map[string]json.RawMessage
		if err := json.Unmarshal(raw, &m); err != nil {
			return nil, err
		}
		out := make([]any, len(t.members))
		for i, x := range t.members {
			v, err := read(member1(m, x.name), x.typ)
			if err != nil {
				return nil, err
			}
			out[i] = v
		}
		return out, nil
	}
	return nil, fmt.Errorf("type %s cannot be read", t)
}

// ocsf maps a record as Security Lake does, by the mapping that AWS published in the OCSF
// project's examples. What the mapping does not name goes to "unmapped", flattened.
func ocsf(record map[string]json.RawMessage, event time.Time, l Layout) (map[string]json.RawMessage, error) {
	flat := map[string]string{}
	flatten("", record, flat)
	take := func(path string) any {
		v, ok := flat[path]
		if !ok {
			return nil
		}
		delete(flat, path)
		return v
	}
	whole := func(name string) any { // as JSON text
		raw := record[name]
		for k := range flat {
			if strings.HasPrefix(k, name+".") || k == name {
				delete(flat, k)
			}
		}
		if len(raw) == 0 || string(raw) == "null" {
			return nil
		}
		return string(raw)
	}
	const session = "userIdentity.sessionContext."
	user := map[string]any{"type": take("userIdentity.type"), "name": take("userIdentity.userName"), "credential_uid": take("userIdentity.accessKeyId")}
	actor := map[string]any{"user": user, "invoked_by": take("userIdentity.invokedBy"), "idp": map[string]any{"name": take("userIdentity.identityProvider")}}
	of := map[string]any{"issuer": take(session + "sessionIssuer.arn")}
	if v, ok := take(session + "attributes.mfaAuthenticated").(string); ok {
		of["is_mfa"] = v == "true"
	}
	created, _ := take(session + "attributes.creationDate").(string)
	if at, err := time.Parse(time.RFC3339, created); err == nil {
		of["created_time"], of["created_time_dt"] = at.UnixMilli(), created
	}
	actor["session"] = of
	arn, principal, account := take("userIdentity.arn"), take("userIdentity.principalId"), take("userIdentity.accountId")
	if l == OCSF1 {
		user["uuid"], user["uid"], user["account_uid"] = arn, principal, account
	} else {
		user["uid"], user["uid_alt"], user["account"] = arn, principal, map[string]any{"uid": account}
	}
	src := map[string]any{"uid": take("vpcEndpointId")}
	if from, ok := take("sourceIPAddress").(string); ok {
		if _, err := netip.ParseAddr(from); err == nil {
			src["ip"] = from
		} else {
			src["domain"] = from
		}
	}
	class, uid := "API Activity", int64(6003)
	switch name := flat["eventName"]; {
	case l == OCSF1:
		uid = 3005
	case flat["eventType"] == "AwsConsoleSignIn":
		class, uid = "Authentication", 3002
	case slices.Contains([]string{"CreateUser", "DeleteUser", "CreateLoginProfile", "AttachUserPolicy"}, name):
		class, uid = "Account Change", 3001
	}
	status := "Success"
	if flat["errorCode"] != "" {
		status = "Failure"
	}
	kind := "event_code"
	if l == OCSF1 {
		kind = "" // the first version leaves the event's type unmapped
	}
	metadata := map[string]any{
		"uid": take("eventID"), "version": map[Layout]string{OCSF1: "1.0.0-rc.2", OCSF2: "1.1.0"}[l], "profiles": []string{"cloud", "datetime"},
		"product": map[string]any{"name": "CloudTrail", "vendor_name": "AWS", "version": take("eventVersion"), "feature": map[string]any{"name": take("eventCategory")}},
	}
	if kind != "" {
		metadata[kind] = take("eventType")
	}
	region := take("awsRegion")
	out := map[string]any{
		"metadata": metadata, "time": event.UnixMilli(), "time_dt": event.UTC().Format(time.RFC3339), "class_name": class, "class_uid": uid,
		"category_uid": uid / 1000, "severity_id": int64(1), "status": status, "region": region, "accountid": textOf(record["recipientAccountId"]),
		"cloud": map[string]any{"region": region, "provider": "AWS"},
		"api": map[string]any{
			"operation": take("eventName"), "version": take("apiVersion"), "service": map[string]any{"name": take("eventSource")},
			"request":  map[string]any{"data": whole("requestParameters"), "uid": take("requestID")},
			"response": map[string]any{"error": take("errorCode"), "message": take("errorMessage"), "data": whole("responseElements")},
		},
		"actor": actor, "http_request": map[string]any{"user_agent": take("userAgent")}, "src_endpoint": src,
	}
	take("eventTime")
	out["unmapped"] = flat
	data, err := json.Marshal(out)
	if err != nil {
		return nil, err
	}
	var done map[string]json.RawMessage
	return done, cmp.Or(json.Unmarshal(data, &done))
}

// flatten collects the scalars of a record under their paths.
func flatten(prefix string, m map[string]json.RawMessage, out map[string]string) {
	for k, raw := range m {
		raw = bytes.TrimSpace(raw)
		if len(raw) == 0 {
			continue
		}
		switch raw[0] {
		case '{':
			var sub map[string]json.RawMessage
			if json.Unmarshal(raw, &sub) == nil {
				flatten(prefix+k+".", sub, out)
			}
		case '"':
			out[prefix+k] = textOf(raw)
		case 'n':
		default:
			out[prefix+k] = string(raw)
		}
	}
}

// scan returns the rows of the partitions that a condition may be true for.
func (t *table) scan(where expr) (relation, int64, error) {
	names := make([]string, len(t.keys))
	for i, k := range t.keys {
		names[i] = k.Name
	}
	if t.layout == OCSF2 {
		names = []string{"accountid", "region", "time_dt"}
	}
	var own []expr // what the condition says of partitions alone
	for _, c := range conjuncts(where) {
		if cols, ok := columnsOf(c); ok && len(cols) > 0 && !slices.ContainsFunc(cols, func(n string) bool { return !slices.Contains(names, n) }) {
			own = append(own, c)
		}
	}
	for _, col := range t.injected {
		if !slices.ContainsFunc(own, func(e expr) bool { return static(e, col) }) {
			return relation{}, 0, fmt.Errorf("CONSTRAINT_VIOLATION: For the injected projected partition column %s, the WHERE clause must contain only static equality conditions, and at least one such condition must be present", col)
		}
	}
	s := &scope{cols: t.rel.cols}
	var conds []eval
	for _, e := range own {
		_, f, err := s.compile(e)
		if err != nil {
			return relation{}, 0, err
		}
		conds = append(conds, f)
	}
	out := relation{cols: t.rel.cols}
	var scanned int64
	for _, p := range t.parts {
		// Rows of one folder have one value of each key; an Iceberg file is read if any row may match.
		touched := false
		for _, i := range p.rows {
			all := true
			for _, f := range conds {
				v, err := f(t.rel.rows[i])
				if err != nil {
					return out, 0, err
				}
				all = all && v == true
			}
			if touched = touched || all; touched {
				break
			}
		}
		if touched {
			scanned += p.bytes
			for _, i := range p.rows {
				out.rows = append(out.rows, t.rel.rows[i])
			}
		}
	}
	return out, scanned, nil
}

func conjuncts(e expr) []expr {
	if b, ok := e.(binaryExpr); ok && b.op == "and" {
		return append(conjuncts(b.x), conjuncts(b.y)...)
	}
	if e == nil {
		return nil
	}
	return []expr{e}
}

// static tells whether a condition fixes a column to literals.
func static(e expr, column string) bool {
	is := func(e expr) bool { n, ok := e.(nameExpr); return ok && n.String() == column }
	lit := func(e expr) bool { _, ok := e.(textLit); return ok }
	switch e := e.(type) {
	case binaryExpr:
		return e.op == "=" && is(e.x) && lit(e.y)
	case inExpr:
		return !e.not && is(e.x) && !slices.ContainsFunc(e.list, func(x expr) bool { return !lit(x) })
	}
	return false
}

// columnsOf are the columns that a condition names; ok is false for what is too involved to prune by.
func columnsOf(e expr) (cols []string, ok bool) {
	switch e := e.(type) {
	case nameExpr:
		return []string{e.steps[0]}, len(e.steps) == 1
	case textLit, intLit, stampLit, boolLit, nullLit, floatLit:
		return nil, true
	case binaryExpr:
		x, ok1 := columnsOf(e.x)
		y, ok2 := columnsOf(e.y)
		return append(x, y...), ok1 && ok2
	case inExpr:
		cols, ok = columnsOf(e.x)
		for _, v := range e.list {
			c, ok1 := columnsOf(v)
			cols, ok = append(cols, c...), ok && ok1
		}
		return cols, ok
	}
	return nil, false
}
