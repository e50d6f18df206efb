package awstest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// What services say of their own logs. Route 53 Resolver, EKS and RDS have no model beside the
// project; like EC2 and S3 they are answered by hand, after the examples of their API References.

// A FlowLog is a flow log as EC2 knows it.
type FlowLog struct {
	Account, Region, ID, Resource string
	Status                        string // ACTIVE
	Delivery                      string // SUCCESS, FAILED, ""
	Created                       time.Time
	Group                         string // log group that it goes to; "" for a bucket
}

// A LogGroup is a log group of CloudWatch Logs.
type LogGroup struct {
	Account, Region, Name string
	Days                  int64 // of retention; 0 for ever
	Created               time.Time
}

// A QueryLog is an association of a VPC with a configuration that logs its Resolver queries.
type QueryLog struct {
	Account, Region, ID, Config, VPC string
	Status                           string // ACTIVE, CREATING, ACTION_NEEDED, DELETING, FAILED
	Created                          time.Time
}

// A VPC is a VPC that an account sees.
type VPC struct{ Account, Region, ID, Owner string }

// A Cluster is a cluster of EKS.
type Cluster struct {
	Account, Region, Name string
	Logs                  []string // types that are on, such as audit
}

// A Database is an instance of RDS, or a cluster of them.
type Database struct {
	Account, Region, ID, Engine string
	Cluster                     string // of an instance
	IsCluster                   bool
	Exports                     []string
}

// loggingServices are answered here, by their name in signatures.
var loggingServices = []string{"route53resolver", "eks", "rds"}

// loggingOperation reads what a request is for; "" when it is for nothing that is known here.
func loggingOperation(service string, r *http.Request, body []byte) string {
	switch service {
	case "route53resolver":
		op, ok := strings.CutPrefix(r.Header.Get("X-Amz-Target"), "Route53Resolver.")
		if ok && r.Method == http.MethodPost && r.URL.Path == "/" && r.Header.Get("Content-Type") == "application/x-amz-json-1.1" &&
			(op == "ListResolverQueryLogConfigs" || op == "ListResolverQueryLogConfigAssociations") {
			return op
		}
	case "eks":
		name, named := strings.CutPrefix(r.URL.Path, "/clusters/")
		switch {
		case r.Method != http.MethodGet || len(body) > 0:
		case r.URL.Path == "/clusters":
			return "ListClusters"
		case named && name != "" && !strings.Contains(name, "/") && r.URL.RawQuery == "":
			return "DescribeCluster"
		}
	case "rds":
		form, err := url.ParseQuery(string(body))
		if op := form.Get("Action"); err == nil && r.Method == http.MethodPost && form.Get("Version") == "2014-10-31" && (op == "DescribeDBInstances" || op == "DescribeDBClusters") {
			return op
		}
	}
	return ""
}

// some is a page of a list, and the token of the next; a script may have it go on for ever.
func (w *World) some(list []string, token string, f Fault) (items []string, next string, err error) {
	n := 0
	if strings.HasPrefix(token, fakeToken) {
		n, _ = strconv.Atoi(strings.TrimPrefix(token, fakeToken+"-")) // "" is the first page
		token = ""
	}
	items, more, ok := page(list, w.PageSize, token)
	if !ok {
		return nil, "", &Error{Code: "ValidationException", Message: "the token is not valid"}
	}
	if more != nil {
		next = *more
	}
	switch f.Do {
	case SameToken:
		next = fakeToken
	case EndlessToken:
		next = fmt.Sprintf("%s-%d", fakeToken, n+1)
	case None, Throttle, Unavailable, Broken, Refuse, Deny, ExpireToken, Timeout, Slow, Cut, Truncate, WrongType, NoBody, Flood, Skew:
	}
	return items, next, nil
}

func encoded(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // what is printed here always encodes
	}
	return string(text)
}

// flowLogs answers DescribeFlowLogs, and vpcs DescribeVpcs.
func (w *World) flowLogs(req Request, form url.Values, f Fault) (string, error) {
	var list []string
	for _, l := range w.FlowLogs {
		if l.Account != req.Account || l.Region != req.Region {
			continue
		}
		item := "<item><creationTime>" + l.Created.UTC().Format("2006-01-02T15:04:05.000Z") + "</creationTime>"
		if l.Delivery != "" {
			item += "<deliverLogsStatus>" + clean(l.Delivery) + "</deliverLogsStatus>"
		}
		list = append(list, item+"<flowLogId>"+clean(l.ID)+"</flowLogId><flowLogStatus>"+clean(l.Status)+"</flowLogStatus><resourceId>"+clean(l.Resource)+
			"</resourceId><trafficType>ALL</trafficType>"+l.destination()+"</item>")
	}
	return w.ec2List(list, "flowLogSet", form, f)
}

// destination is where a flow log goes, as EC2 tells it.
func (l FlowLog) destination() string {
	if l.Group == "" {
		return "<logDestinationType>s3</logDestinationType><logDestination>arn:aws:s3:::example-flows</logDestination>"
	}
	return "<logDestinationType>cloud-watch-logs</logDestinationType><logGroupName>" + clean(l.Group) + "</logGroupName><logDestination>arn:aws:logs:" + l.Region + ":" + l.Account + ":log-group:" + clean(l.Group) + "</logDestination>"
}

// logGroups answers DescribeLogGroups, which has a model. Lists are in the order of the names.
func (w World) logGroups(req Request) (any, error) {
	prefix, token := req.Text("logGroupNamePrefix"), req.Text("nextToken")
	list := []any{}
	for _, g := range slices.SortedFunc(slices.Values(w.LogGroups), func(a, b LogGroup) int { return strings.Compare(a.Name, b.Name) }) {
		if g.Account != req.Account || g.Region != req.Region || !strings.HasPrefix(g.Name, prefix) {
			continue
		}
		arn := "arn:aws:logs:" + g.Region + ":" + g.Account + ":log-group:" + g.Name
		item := map[string]any{"logGroupName": g.Name, "creationTime": g.Created.UnixMilli(), "arn": arn + ":*", "logGroupArn": arn, "metricFilterCount": int64(0), "storedBytes": int64(0), "logGroupClass": "STANDARD"}
		if g.Days > 0 {
			item["retentionInDays"] = g.Days
		}
		list = append(list, item)
	}
	some, next, ok := page(list, w.PageSize, token)
	if !ok {
		return nil, &Error{Code: "InvalidParameterException", Message: "The specified nextToken is invalid."}
	}
	out := map[string]any{"logGroups": some}
	if next != nil {
		out["nextToken"] = *next
	}
	return out, nil
}

func (w *World) vpcs(req Request, form url.Values, f Fault) (string, error) {
	var list []string
	for _, v := range w.VPCs {
		if v.Account == req.Account && v.Region == req.Region {
			list = append(list, "<item><vpcId>"+clean(v.ID)+"</vpcId><ownerId>"+clean(v.Owner)+"</ownerId><state>available</state><cidrBlock>10.0.0.0/16</cidrBlock></item>")
		}
	}
	return w.ec2List(list, "vpcSet", form, f)
}

func (w *World) ec2List(list []string, set string, form url.Values, f Fault) (string, error) {
	for k := range form {
		if !slices.Contains([]string{"Action", "Version", "MaxResults", "NextToken"}, k) {
			return "", &Error{Code: "ValidationException", Message: "unknown parameter " + k}
		}
	}
	items, next, err := w.some(list, form.Get("NextToken"), f)
	if err != nil {
		return "", err
	}
	out := "<" + set + ">" + strings.Join(items, "") + "</" + set + ">"
	if next != "" {
		out += "<nextToken>" + clean(next) + "</nextToken>"
	}
	return out, nil
}

// logging answers for the services of this file.
func (w *World) logging(req Request, r *http.Request, body []byte, f Fault) (string, error) {
	switch req.Service {
	case "route53resolver":
		return w.resolver(req, body, f)
	case "eks":
		if req.Operation == "ListClusters" {
			return w.listClusters(req, r.URL.Query(), f)
		}
		return w.describeCluster(req, strings.TrimPrefix(r.URL.Path, "/clusters/"))
	}
	return w.databases(req, body, f)
}

func (w *World) resolver(req Request, body []byte, f Fault) (string, error) {
	var in struct {
		MaxResults *int
		NextToken  string
	}
	if err := json.Unmarshal(body, &in); err != nil || in.MaxResults != nil && (*in.MaxResults < 1 || *in.MaxResults > 100) {
		return "", &Error{Code: "ValidationException", Message: "the request is not valid"}
	}
	member := strings.TrimPrefix(req.Operation, "List")
	var list []string
	seen := map[string]bool{}
	for _, q := range w.QueryLogs {
		if q.Account != req.Account || q.Region != req.Region {
			continue
		}
		if member == "ResolverQueryLogConfigs" {
			if !seen[q.Config] {
				seen[q.Config] = true
				list = append(list, encoded(map[string]any{
					"Id": q.Config, "OwnerId": q.Account, "Status": "CREATED", "ShareStatus": "NOT_SHARED", "AssociationCount": 1, "Name": "example",
					"Arn":            "arn:aws:route53resolver:" + q.Region + ":" + q.Account + ":resolver-query-log-config/" + q.Config,
					"DestinationArn": "arn:aws:s3:::example-queries", "CreatorRequestId": "example", "CreationTime": q.Created.UTC().Format("2006-01-02T15:04:05.000000Z"),
				}))
			}
			continue
		}
		list = append(list, encoded(map[string]any{
			"Id": q.ID, "ResolverQueryLogConfigId": q.Config, "ResourceId": q.VPC, "Status": q.Status, "Error": "NONE", "ErrorMessage": "",
			"CreationTime": q.Created.UTC().Format("2006-01-02T15:04:05.000000Z"),
		}))
	}
	items, next, err := w.some(list, in.NextToken, f)
	if err != nil {
		return "", err
	}
	out := fmt.Sprintf(`{"TotalCount":%d,"TotalFilteredCount":%d,"%s":[%s]`, len(list), len(list), member, strings.Join(items, ","))
	if next != "" {
		out += `,"NextToken":` + encoded(next)
	}
	return out + "}", nil
}

func (w *World) listClusters(req Request, in url.Values, f Fault) (string, error) {
	var list []string
	for _, c := range w.Clusters {
		if c.Account == req.Account && c.Region == req.Region {
			list = append(list, encoded(c.Name))
		}
	}
	items, next, err := w.some(list, in.Get("nextToken"), f)
	if err != nil {
		return "", err
	}
	token := "null"
	if next != "" {
		token = encoded(next)
	}
	return `{"clusters":[` + strings.Join(items, ",") + `],"nextToken":` + token + "}", nil
}

func (w *World) describeCluster(req Request, name string) (string, error) {
	for _, c := range w.Clusters {
		if c.Account != req.Account || c.Region != req.Region || c.Name != name {
			continue
		}
		var logging []any
		off := slices.DeleteFunc([]string{"api", "audit", "authenticator", "controllerManager", "scheduler"}, func(t string) bool { return slices.Contains(c.Logs, t) })
		for on, types := range map[bool][]string{true: c.Logs, false: off} {
			if len(types) > 0 {
				logging = append(logging, map[string]any{"types": types, "enabled": on})
			}
		}
		return encoded(map[string]any{"cluster": map[string]any{
			"name": name, "arn": "arn:aws:eks:" + c.Region + ":" + c.Account + ":cluster/" + name, "version": "1.33", "status": "ACTIVE", "createdAt": 1.7e9,
			"logging": map[string]any{"clusterLogging": logging},
		}}), nil
	}
	return "", &Error{Code: "ResourceNotFoundException", Message: "No cluster found for name: " + name + ".", Status: 404}
}

func (w *World) databases(req Request, body []byte, f Fault) (string, error) {
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return "", &Error{Code: "ValidationException", Message: err.Error()}
	}
	for k := range form {
		if !slices.Contains([]string{"Action", "Version", "MaxRecords", "Marker"}, k) {
			return "", &Error{Code: "ValidationException", Message: "unknown parameter " + k}
		}
	}
	word := strings.TrimPrefix(req.Operation, "Describe") // DBInstances, DBClusters
	element := strings.TrimSuffix(word, "s")
	var list []string
	for _, d := range w.Databases {
		if d.Account != req.Account || d.Region != req.Region || d.IsCluster != (word == "DBClusters") {
			continue
		}
		kind := map[bool]string{true: "cluster", false: "db"}[d.IsCluster]
		item := "<" + element + "><" + element + "Identifier>" + clean(d.ID) + "</" + element + "Identifier><" + element + "Arn>arn:aws:rds:" + d.Region + ":" + d.Account + ":" + kind + ":" + clean(d.ID) +
			"</" + element + "Arn><Engine>" + clean(d.Engine) + "</Engine>"
		if d.Cluster != "" {
			item += "<DBClusterIdentifier>" + clean(d.Cluster) + "</DBClusterIdentifier>"
		}
		if len(d.Exports) > 0 {
			item += "<EnabledCloudwatchLogsExports>"
			for _, e := range d.Exports {
				item += "<member>" + clean(e) + "</member>"
			}
			item += "</EnabledCloudwatchLogsExports>"
		}
		list = append(list, item+"</"+element+">")
	}
	items, next, err := w.some(list, form.Get("Marker"), f)
	if err != nil {
		return "", err
	}
	out := "<" + word + ">" + strings.Join(items, "") + "</" + word + ">"
	if next != "" {
		out += "<Marker>" + clean(next) + "</Marker>"
	}
	return fmt.Sprintf(`<%[1]sResponse xmlns="http://rds.amazonaws.com/doc/2014-10-31/"><%[1]sResult>%[2]s</%[1]sResult><ResponseMetadata><RequestId>00000000-0000-4000-9000-000000000000</RequestId></ResponseMetadata></%[1]sResponse>`, req.Operation, out), nil
}

// refusal is an error as a service of this file spells it.
func refusal(service string, e *Error, id string) (header http.Header, text string) {
	h := http.Header{}
	switch service {
	case "rds":
		h.Set("Content-Type", "text/xml")
		return h, fmt.Sprintf(`<ErrorResponse xmlns="http://rds.amazonaws.com/doc/2014-10-31/"><Error><Type>Sender</Type><Code>%s</Code><Message>%s</Message></Error><RequestId>%s</RequestId></ErrorResponse>`, clean(e.Code), clean(e.Message), id)
	case "eks":
		h.Set("Content-Type", "application/json")
		h.Set("X-Amzn-Errortype", e.Code)
		return h, encoded(map[string]any{"message": e.Message})
	}
	h.Set("Content-Type", "application/x-amz-json-1.1")
	return h, encoded(map[string]any{"__type": e.Code, "Message": e.Message})
}
