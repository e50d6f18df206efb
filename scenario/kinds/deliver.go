package kinds

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// A line is one record of a log on its way to a file: its time, and the record as JSON or as text.
type line struct {
	at   time.Time
	body any
}

// A log is the records of one kind, by where they belong.
type log struct {
	kind  string // of record, as coverage is told: cloudtrail_management, vpc_flow, ...
	lines []line
}

func (l *log) add(at time.Time, body any) { l.lines = append(l.lines, line{at, body}) }

// sorted are the records by time; those of the same moment keep their order.
func (l *log) sorted() []line {
	out := slices.Clone(l.lines)
	slices.SortStableFunc(out, func(a, b line) int { return a.at.Compare(b.at) })
	return out
}

// period is how much time a file covers. Services deliver every few minutes; a file a week holds the
// same records in the same form.
const period = 7 * 24 * time.Hour

// parts are the records file by file.
func (l *log) parts() [][]line {
	var out [][]line
	for _, e := range l.sorted() {
		if n := len(out); n > 0 && out[n-1][0].at.Truncate(period).Equal(e.at.Truncate(period)) {
			out[n-1] = append(out[n-1], e)
			continue
		}
		out = append(out, []line{e})
	}
	return out
}

// flowFields are a flow log's fields: the version 5 format in the order of the Amazon VPC User Guide.
var flowFields = []string{
	"version", "account-id", "interface-id", "srcaddr", "dstaddr", "srcport", "dstport", "protocol", "packets", "bytes", "start", "end", "action", "log-status",
	"vpc-id", "subnet-id", "instance-id", "tcp-flags", "type", "pkt-srcaddr", "pkt-dstaddr", "region", "az-id", "sublocation-type", "sublocation-id",
	"pkt-src-aws-service", "pkt-dst-aws-service", "flow-direction", "traffic-path",
}

// deliver writes a log's records as its service does: places, names and envelopes are those of
// the service's documentation.
func (c *cast) deliver(files map[string][]byte, l log) error {
	for n, part := range l.parts() {
		at := part[0].at.UTC()
		stamp, dir := at.Format("20060102T1504Z"), at.Format("2006/01/02")
		tail := fmt.Sprintf("%s%02d", c.id[:14], n)
		var err error
		switch l.kind {
		case "vpc_flow":
			err = put(files, fmt.Sprintf("logs/AWSLogs/%s/vpcflowlogs/%s/%s/%s_vpcflowlogs_%s_fl-0%s_%s_%s.log.gz", c.account, c.region, dir, c.account, c.region, c.detector[:16], stamp, tail),
				[]byte(strings.Join(flowFields, " ")+"\n"+joined(part)), true)
		case "dns":
			err = put(files, fmt.Sprintf("logs/AWSLogs/%s/vpcdnsquerylogs/%s/%s/%s_vpcdnsquerylogs_%s_%s_%s.log.gz", c.account, c.vpc, dir, c.vpc, c.account, stamp, tail), []byte(encoded(part)), true)
		case "s3_access":
			err = put(files, fmt.Sprintf("logs/s3-access/%s/%s/%s/%s/%s-%s", c.account, c.region, c.bucket, dir, at.Format("2006-01-02-15-04-05"), strings.ToUpper(tail)), []byte(joined(part)), false)
		case "eks_audit":
			err = c.subscription(files, "eks", "/aws/eks/"+c.cluster+"/cluster", "kube-apiserver-audit-"+c.detector, stamp, part)
		case "rds_audit":
			err = c.subscription(files, "rds", "/aws/rds/cluster/"+c.db+"/audit", c.db+"-instance-1.audit.log."+fmt.Sprint(n), stamp, part)
		case "signin":
			err = put(files, "logs/entra/sign-ins-"+at.Format("2006-01-02")+".json.gz", []byte(encoded(part)), true)
		default:
			err = c.trail(files, l.kind, n, part)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// trail writes CloudTrail records by account and Region.
func (c *cast) trail(files map[string][]byte, kind string, n int, part []line) error {
	parts := map[[2]string][]any{}
	for _, e := range part {
		o := e.body.(object)
		where := [2]string{o["recipientAccountId"].(string), o["awsRegion"].(string)}
		parts[where] = append(parts[where], o)
	}
	at := part[0].at.UTC()
	for where, records := range parts {
		name := fmt.Sprintf("logs/AWSLogs/%s/CloudTrail/%s/%s/%s_CloudTrail_%s_%s_%s%02d%s.json.gz", where[0], where[1], at.Format("2006/01/02"), where[0], where[1], at.Format("20060102T1504Z"), c.id[:12], n, strings.ReplaceAll(kind, "_", ""))
		if err := put(files, name, []byte(text(object{"Records": records})+"\n"), true); err != nil {
			return err
		}
	}
	return nil
}

// subscription writes records as CloudWatch Logs sends them to Amazon Data Firehose: gzipped
// objects with the log group's name, one after the other.
func (c *cast) subscription(files map[string][]byte, dir, group, stream, stamp string, part []line) error {
	var b strings.Builder
	for some := range slices.Chunk(part, 50) {
		var events list
		for i, e := range some {
			message, ok := e.body.(string)
			if !ok {
				message = text(e.body)
			}
			events = append(events, object{"id": fmt.Sprintf("%020d%036d", e.at.UnixMilli(), i), "timestamp": e.at.UnixMilli(), "message": message})
		}
		b.WriteString(text(object{"messageType": "DATA_MESSAGE", "owner": c.account, "logGroup": group, "logStream": stream, "subscriptionFilters": list{"to-archive"}, "logEvents": events}) + "\n")
	}
	return put(files, fmt.Sprintf("logs/cloudwatch/%s/%s/%s/%s.gz", c.account, c.region, dir, stamp), []byte(b.String()), true)
}

func joined(part []line) string {
	var b strings.Builder
	for _, e := range part {
		b.WriteString(e.body.(string))
		b.WriteByte('\n')
	}
	return b.String()
}

func encoded(part []line) string {
	var b strings.Builder
	for _, e := range part {
		b.WriteString(text(e.body))
		b.WriteByte('\n')
	}
	return b.String()
}

// put adds a file; a packed one has no time, so that the same content has the same bytes.
func put(files map[string][]byte, name string, data []byte, packed bool) error {
	if _, twice := files[name]; twice {
		return fmt.Errorf("write %s: two files have that name", name)
	}
	if packed {
		var b bytes.Buffer
		z, err := gzip.NewWriterLevel(&b, gzip.BestSpeed)
		if err != nil {
			return err
		}
		if _, err := z.Write(data); err != nil {
			return err
		}
		if err := z.Close(); err != nil {
			return err
		}
		data = b.Bytes()
	}
	files[name] = data
	return nil
}

func indent(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	err := enc.Encode(v)
	return b.Bytes(), err
}
