package local

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Records of Amazon Security Lake come in the Open Cybersecurity Schema Framework. They are mapped
// back to the names of the log that they were made of, by the mappings that AWS published
// (github.com/ocsf/examples, mappings of CloudTrail, VPC Flowlogs and Route 53), in the versions that
// Security Lake writes: source version 1 (OCSF 1.0.0-rc.2) and 2 (OCSF 1.1.0). In another version the
// same value may stand elsewhere, so that a record of it is set aside.

// ocsfVersions are the versions that can be read, and whether they are the second of Security Lake.
var ocsfVersions = map[string]bool{"1.0.0-rc.2": false, "1.1.0": true}

// An ocsfRecord reads values at dotted paths.
type ocsfRecord map[string]any

func (r ocsfRecord) at(path string) any {
	if key, ok := strings.CutPrefix(path, "unmapped:"); ok {
		return r.unmapped()[key]
	}
	var here any = map[string]any(r)
	for _, s := range strings.Split(path, ".") {
		m, ok := here.(map[string]any)
		if !ok {
			return nil
		}
		here = m[s]
	}
	return here
}

// unmapped are the values that the schema has no place for: a map, or a list of pairs.
func (r ocsfRecord) unmapped() map[string]any {
	switch u := r["unmapped"].(type) {
	case map[string]any:
		return u
	case []any:
		out := map[string]any{}
		for _, p := range u {
			if pair, ok := p.([]any); ok && len(pair) == 2 {
				if key, ok := pair[0].(string); ok {
					out[key] = pair[1]
				}
			}
		}
		return out
	}
	return nil
}

// first is the first value among paths that is there; "-" and empty texts are not.
func (r ocsfRecord) first(paths ...string) any {
	for _, p := range paths {
		switch v := r.at(p).(type) {
		case nil, map[string]any:
		case string:
			if v != "" && v != "-" {
				return v
			}
		default:
			return v
		}
	}
	return nil
}

func (r ocsfRecord) text(paths ...string) string {
	switch v := r.first(paths...).(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	case bool:
		return strconv.FormatBool(v)
	}
	return ""
}

// micros is a time in microseconds: OCSF counts milliseconds, or writes a timestamp into a *_dt field.
func (r ocsfRecord) micros(paths ...string) (int64, bool) {
	for _, p := range paths {
		switch v := r.at(p).(type) {
		case json.Number:
			if ms, err := v.Int64(); err == nil && ms > -1<<50 && ms < 1<<50 {
				return ms * 1000, true
			}
		case string:
			if us, ok := moment(v); ok {
				return us, true
			}
		}
	}
	return 0, false
}

// ocsf stores a record of Security Lake as the log record that it was made of.
func (v *fileVisit) ocsf(raw []byte, offset int64, from origin) error {
	var r ocsfRecord
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	if err := dec.Decode(&r); err != nil {
		return v.bad(offset, head(raw), errBroken)
	}
	v.res.isLog = true
	version := r.text("metadata.version")
	second, ok := ocsfVersions[version]
	if !ok {
		return v.bad(offset, head(raw), fmt.Errorf("is OCSF of version %q, and 1.0.0-rc.2 and 1.1.0 can be read", version))
	}
	product, class := r.text("metadata.product.name"), r.text("class_uid")
	switch {
	case product == "CloudTrail" && (class == "3001" || class == "3002" || class == "3005" || class == "6003"):
		obj, err := compose(r.cloudtrail(second))
		if err != nil {
			return err
		}
		return v.recordFrom(obj, offset, from)
	case product == "Amazon VPC" && class == "4001":
		obj, err := compose(r.flow())
		if err != nil {
			return err
		}
		return v.flow(obj, offset, from)
	case product == "Route 53" && class == "4003":
		obj, err := compose(r.dns())
		if err != nil {
			return err
		}
		return v.dnsQuery(obj, offset, from)
	}
	return v.bad(offset, head(raw), fmt.Errorf("is OCSF of class %q of product %q, which is no log that can be read", class, product))
}

// cloudtrail is the CloudTrail record. What the mapping does not name stands in unmapped under its path.
func (r ocsfRecord) cloudtrail(second bool) map[string]any {
	arn, principal := "actor.user.uuid", "actor.user.uid"
	if second {
		arn, principal = "actor.user.uid", "actor.user.uid_alt"
	}
	obj := map[string]any{}
	set := func(path string, val any) {
		if val != nil && val != "" {
			nestOnce(obj, path, val)
		}
	}
	for _, m := range [][]string{
		{"eventVersion", "metadata.product.version"},
		{"eventSource", "api.service.name"},
		{"eventName", "api.operation"},
		{"eventID", "metadata.uid"},
		{"eventType", "metadata.event_code", "unmapped:eventType"},
		{"eventCategory", "metadata.product.feature.name", "unmapped:eventCategory"},
		{"awsRegion", "cloud.region"},
		{"sourceIPAddress", "src_endpoint.ip", "src_endpoint.domain"},
		{"userAgent", "http_request.user_agent"},
		{"errorCode", "api.response.error"},
		{"errorMessage", "api.response.message"},
		{"requestID", "api.request.uid"},
		{"apiVersion", "api.version"},
		{"recipientAccountId", "unmapped:recipientAccountId", "cloud.account.uid", "cloud.account_uid", "accountid"},
		{"vpcEndpointId", "src_endpoint.uid", "unmapped:vpcEndpointId"},
		{"userIdentity.type", "actor.user.type"},
		{"userIdentity.principalId", principal},
		{"userIdentity.arn", arn},
		{"userIdentity.accountId", "actor.user.account.uid", "actor.user.account_uid"},
		{"userIdentity.invokedBy", "actor.invoked_by"},
		{"userIdentity.accessKeyId", "actor.user.credential_uid"},
		{"userIdentity.userName", "actor.user.name"},
		{"userIdentity.sessionContext.attributes.mfaAuthenticated", "actor.session.is_mfa", "actor.session.mfa"},
		{"userIdentity.sessionContext.sessionIssuer.arn", "actor.session.issuer"},
	} {
		set(m[0], r.text(m[1:]...))
	}
	for _, m := range [][]string{{"eventTime", "time", "time_dt"}, {"userIdentity.sessionContext.attributes.creationDate", "actor.session.created_time", "actor.session.created_time_dt"}} {
		if us, ok := r.micros(m[1:]...); ok {
			set(m[0], time.UnixMicro(us).UTC().Format(time.RFC3339Nano))
		}
	}
	for _, name := range []string{"readOnly", "managementEvent"} {
		switch r.text("unmapped:" + name) {
		case "true":
			set(name, true)
		case "false":
			set(name, false)
		}
	}
	for _, m := range [][2]string{{"requestParameters", "api.request.data"}, {"responseElements", "api.response.data"}} {
		switch d := r.at(m[1]).(type) {
		case string:
			if json.Valid([]byte(d)) {
				set(m[0], json.RawMessage(d))
			} else {
				set(m[0], d)
			}
		case nil:
		default:
			set(m[0], d)
		}
	}
	for _, key := range sortedKeys(r.unmapped()) {
		set(key, r.unmapped()[key])
	}
	return obj
}

// nestOnce puts a value at a dotted path where nothing stands yet.
func nestOnce(obj map[string]any, path string, val any) {
	steps := strings.Split(path, ".")
	for _, s := range steps[:len(steps)-1] {
		next, ok := obj[s].(map[string]any)
		if !ok {
			if obj[s] != nil {
				return
			}
			next = map[string]any{}
			obj[s] = next
		}
		obj = next
	}
	if last := steps[len(steps)-1]; obj[last] == nil {
		obj[last] = val
	}
}

// flow is the flow log record. The interface is the endpoint's that has one; an address behind
// another stands among the intermediate ones.
func (r ocsfRecord) flow() map[string]any {
	obj := map[string]any{}
	set := func(name, val string) {
		if val != "" {
			obj[name] = val
		}
	}
	for _, m := range [][]string{
		{"version", "metadata.product.version"},
		{"account-id", "cloud.account.uid", "cloud.account_uid", "accountid"},
		{"region", "cloud.region", "region"},
		{"az-id", "cloud.zone"},
		{"srcport", "src_endpoint.port"},
		{"dstport", "dst_endpoint.port"},
		{"protocol", "connection_info.protocol_num"},
		{"packets", "traffic.packets"},
		{"bytes", "traffic.bytes"},
		{"tcp-flags", "connection_info.tcp_flags"},
		{"type", "connection_info.protocol_ver"},
		{"pkt-src-aws-service", "src_endpoint.svc_name"},
		{"pkt-dst-aws-service", "dst_endpoint.svc_name"},
		{"log-status", "status_code"},
		{"interface-id", "src_endpoint.interface_uid", "dst_endpoint.interface_uid"},
		{"vpc-id", "src_endpoint.vpc_uid", "dst_endpoint.vpc_uid"},
		{"subnet-id", "src_endpoint.subnet_uid", "dst_endpoint.subnet_uid"},
		{"instance-id", "src_endpoint.instance_uid", "dst_endpoint.instance_uid"},
		{"flow-direction", "unmapped:flow_direction"},
		{"traffic-path", "unmapped:traffic_path"},
		{"sublocation-type", "unmapped:sublocation_type"},
		{"sublocation-id", "unmapped:sublocation_id"},
	} {
		set(m[0], r.text(m[1:]...))
	}
	for _, side := range [][3]string{{"src_endpoint", "srcaddr", "pkt-srcaddr"}, {"dst_endpoint", "dstaddr", "pkt-dstaddr"}} {
		set(side[1], r.text(side[0]+".ip"))
		if between, ok := r.at(side[0] + ".intermediate_ips").([]any); ok && len(between) > 0 {
			if ip, ok := between[0].(string); ok {
				set(side[2], r.text(side[0]+".ip"))
				set(side[1], ip)
			}
		}
	}
	if obj["flow-direction"] == nil {
		set("flow-direction", map[string]string{"Inbound": "ingress", "Outbound": "egress"}[r.text("connection_info.direction")])
	}
	for _, word := range []string{r.text("disposition"), r.text("action"), r.text("activity_name")} {
		switch word {
		case "Allowed", "Traffic":
			set("action", "ACCEPT")
		case "Blocked", "Denied", "Refuse":
			set("action", "REJECT")
		default:
			continue
		}
		break
	}
	for _, m := range [][]string{{"start", "start_time", "start_time_dt", "time", "time_dt"}, {"end", "end_time", "end_time_dt"}} {
		if us, ok := r.micros(m[1:]...); ok {
			set(m[0], strconv.FormatInt(us/1e6, 10))
		}
	}
	return obj
}

// dns is the resolver query log's record.
func (r ocsfRecord) dns() map[string]any {
	obj := map[string]any{}
	set := func(name string, val any) {
		if val != nil && val != "" {
			nestOnce(obj, name, val)
		}
	}
	for _, m := range [][]string{
		{"version", "metadata.product.version"},
		{"account_id", "cloud.account.uid", "cloud.account_uid", "accountid"},
		{"region", "cloud.region", "region"},
		{"vpc_id", "src_endpoint.vpc_uid"},
		{"query_name", "query.hostname"},
		{"query_type", "query.type"},
		{"query_class", "query.class"},
		{"srcaddr", "src_endpoint.ip"},
		{"srcport", "src_endpoint.port"},
		{"transport", "connection_info.protocol_name"},
		{"srcids.instance", "src_endpoint.instance_uid"},
		{"firewall_rule_action", "unmapped:firewall_rule_action"},
		{"firewall_rule_group_id", "unmapped:firewall_rule_group_id"},
		{"firewall_domain_list_id", "unmapped:firewall_domain_list_id"},
	} {
		set(m[0], r.text(m[1:]...))
	}
	set("rcode", strings.ToUpper(r.text("rcode")))
	if us, ok := r.micros("time", "time_dt"); ok {
		set("query_timestamp", time.UnixMicro(us).UTC().Format(time.RFC3339Nano))
	}
	if list, ok := r.at("answers").([]any); ok {
		var out []any
		for _, a := range list {
			if m, ok := a.(map[string]any); ok {
				out = append(out, map[string]any{"Rdata": m["rdata"], "Type": m["type"], "Class": m["class"]})
			}
		}
		if out != nil {
			set("answers", out)
		}
	}
	return obj
}

func sortedKeys(m map[string]any) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}
