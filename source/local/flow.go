package local

import (
	"bytes"
	"errors"
	"strconv"
	"strings"

	"github.com/buger/jsonparser"

	"uratori/query"
	"uratori/source/coverage"
)

// flowDefault are the fields of a flow log line without a header: the default format, version 2
// (Amazon VPC User Guide, "Flow log records").
var flowDefault = strings.Fields("version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status")

// flowNames are the fields of versions 2 to 5 by which a header is known; later versions add more,
// which are kept under their names.
var flowNames = func() map[string]bool {
	out := map[string]bool{}
	for _, f := range append(strings.Fields("vpc-id subnet-id instance-id tcp-flags type pkt-srcaddr pkt-dstaddr region az-id sublocation-type sublocation-id pkt-src-aws-service pkt-dst-aws-service flow-direction traffic-path"), flowDefault...) {
		out[f] = true
	}
	return out
}()

var (
	errColumns  = errors.New("has another number of fields than its header")
	errNoHeader = errors.New("is a flow log line whose fields no header names")
	errStatus   = errors.New("is a flow log record without interval or known log status")
)

// flowHeader reads a header line; nil if it is none.
func flowHeader(line string) []string {
	fields := strings.Fields(line)
	known := 0
	seen := map[string]bool{}
	for _, f := range fields {
		if strings.Trim(f, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" || seen[f] || f[0] == '-' || f[0] <= '9' {
			return nil
		}
		seen[f] = true
		if flowNames[f] {
			known++
		}
	}
	if known < 3 || 2*known < len(fields) {
		return nil
	}
	return fields
}

// flowPlain tells whether a line is of the default format.
func flowPlain(line string) bool {
	f := strings.Fields(line)
	return len(f) == len(flowDefault) && f[0] == "2" && (isAccount(f[1]) || f[1] == "unknown" || f[1] == "-") && strings.HasPrefix(f[2], "eni-") && allDigits(f[10]) && allDigits(f[11])
}

// flowLine is the object of a line under its header.
func flowLine(header []string, line string) (map[string]any, error) {
	fields := strings.Fields(line)
	if len(fields) != len(header) {
		return nil, errColumns
	}
	obj := map[string]any{}
	for i, name := range header {
		obj[name] = given(fields[i])
	}
	return obj, nil
}

// flow stores a flow log record. NODATA and SKIPDATA are no traffic: the first says that the log
// was on and nothing passed, the second that records were lost. They are kept by hour.
func (v *fileVisit) flow(raw []byte, offset int64, from origin) error {
	text := func(names ...string) string {
		for _, n := range names {
			if val, typ, _, err := jsonparser.Get(raw, n); err == nil && typ != jsonparser.Null && string(val) != "-" {
				return string(val)
			}
		}
		return ""
	}
	status := text("log-status", "log_status")
	id := identity(raw)
	own := from
	if a := text("account-id", "account_id"); a != "" {
		own.account = a
	}
	if r := text("region"); r != "" {
		own.region = r
	}
	switch status {
	case "OK", "": // a custom format may leave the status out
		raw = with(raw, [2]string{absent("account-id", text("account-id", "account_id")), from.account}, [2]string{absent("region", text("region")), from.region})
		return v.keep(query.VPCFlow, raw, id, offset)
	case "NODATA", "SKIPDATA":
		first, ok := moment(text("start"))
		last, okEnd := moment(text("end"))
		if !ok {
			return v.bad(offset, head(raw), errStatus)
		}
		if !okEnd || last < first || last-first > 24*coverage.Hour {
			last = first
		}
		for h := coverage.FloorDiv(first, coverage.Hour); h <= coverage.FloorDiv(last, coverage.Hour); h++ {
			v.note(statusOf{query.KindVPCFlow, strings.Clone(own.account), strings.Clone(own.region), h, status == "SKIPDATA"})
		}
		v.res.isLog = true
		return v.ctx.Err()
	}
	return v.bad(offset, head(raw), errStatus)
}

// absent is the name of a member to be added, "" when the record has the value.
func absent(name, has string) string {
	if has != "" {
		return ""
	}
	return name
}

// moment reads a time that may be counted from 1970: in seconds, milliseconds or microseconds, told
// apart by the number of digits.
func moment(s string) (int64, bool) {
	if !allDigits(s) {
		return micros(s)
	}
	n, err := strconv.ParseInt(s, 10, 64)
	switch {
	case err != nil:
	case len(s) == 9 || len(s) == 10:
		return n * 1e6, true
	case len(s) == 12 || len(s) == 13:
		return n * 1e3, true
	case len(s) == 15 || len(s) == 16:
		return n, true
	}
	return 0, false
}

// isFlow tells whether a JSON object is a flow log record, of the text's names or the Parquet form's.
func isFlow(raw []byte) bool {
	if !bytes.Contains(raw, []byte(`"start"`)) || !topLevel(raw, "start") {
		return false
	}
	return topLevel(raw, "srcaddr") || topLevel(raw, "interface-id") || topLevel(raw, "interface_id") || topLevel(raw, "log-status") || topLevel(raw, "log_status")
}
