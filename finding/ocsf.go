package finding

import (
	"fmt"
	"maps"
	"strings"
)

// fromOCSF makes the GuardDuty document of an OCSF Detection Finding, as Security Hub
// and Security Lake write it. It is translated to ASFF first, because that is where it
// comes from: OCSF's own members are the ones of ASFF renamed, and all that has no
// place in OCSF is under unmapped, by its ASFF name. Source: ocsf/examples, mapping of
// Security Hub to Detection Finding, version 1.1.0.
func fromOCSF(doc map[string]any) (map[string]any, error) {
	top := node{withoutNulls(doc)}
	info := top.at("finding_info")
	product := top.at("metadata", "product")
	uid := info.at("uid").text()
	if !ofGuardDuty(product.at("uid").text(), product.at("name").text(), uid) {
		return nil, fmt.Errorf("this is an OCSF finding of the product %.80q, no GuardDuty finding; take only those whose metadata.product.name is GuardDuty", product.at("name").text())
	}
	unmapped := unflatten(top.at("unmapped"))
	asff := map[string]any{}
	set := func(name string, from ...node) {
		for _, n := range from {
			if _, have := asff[name]; !have && n.text() != "" {
				asff[name] = n.v
			}
		}
	}
	set("Id", info.at("uid"))
	asff["ProductName"] = "GuardDuty" // checked above
	set("AwsAccountId", top.at("cloud", "account", "uid"))
	set("Region", top.at("cloud", "region"))
	set("Title", info.at("title"))
	set("Description", info.at("desc"))
	set("CreatedAt", info.at("created_time_dt"), info.at("created_time"))
	set("UpdatedAt", info.at("modified_time_dt"), info.at("modified_time"))
	set("FirstObservedAt", info.at("first_seen_time_dt"), info.at("first_seen_time"))
	set("LastObservedAt", info.at("last_seen_time_dt"), info.at("last_seen_time"))
	set("RecordState", unmapped.at("RecordState"))
	set("Sample", unmapped.at("Sample"))
	if types, ok := info.at("types").v.([]any); ok {
		asff["Types"] = types
	}
	for _, name := range []string{"Severity", "FindingProviderFields"} {
		if v := unmapped.at(name); v.present() {
			asff[name] = v.v
		}
	}
	fields := map[string]any{}
	if had, ok := unmapped.at("ProductFields").v.(map[string]any); ok {
		fields = maps.Clone(had)
	}
	addEvidence(fields, top.at("evidences"))
	asff["ProductFields"] = fields

	var resources []any
	for _, r := range top.at("resources").list() {
		one := map[string]any{"Type": r.at("type").text(), "Id": r.at("uid").text()}
		details := r.at("data").v
		if text, ok := details.(string); ok {
			if v, err := decode([]byte(text)); err == nil {
				details = v
			}
		}
		if m, ok := details.(map[string]any); ok {
			one["Details"] = m
		}
		tags := map[string]any{}
		for _, l := range r.at("labels").list() { // "key: value" or "key=value"
			if k, v, ok := strings.Cut(l.text(), ":"); ok {
				tags[strings.TrimSpace(k)] = strings.TrimSpace(v)
			} else if k, v, ok := strings.Cut(l.text(), "="); ok {
				tags[strings.TrimSpace(k)] = strings.TrimSpace(v)
			}
		}
		for _, t := range r.at("tags").list() {
			if name := t.at("name").text(); name != "" {
				tags[name] = t.at("value").text()
			}
		}
		if len(tags) > 0 {
			one["Tags"] = tags
		}
		resources = append(resources, one)
	}
	asff["Resources"] = resources
	return fromASFF(asff)
}

// unflatten gives unmapped its objects back: "Severity.Product" is a member of Severity.
// Names below ProductFields stay whole; they are paths of their own.
func unflatten(n node) node {
	flat, _ := n.v.(map[string]any)
	out := map[string]any{}
	for name, v := range flat {
		if object, ok := v.(map[string]any); ok {
			into(out, name, object)
			continue
		}
		parent, rest, nested := strings.Cut(name, ".")
		switch {
		case !nested:
			out[name] = v
		case parent == "ProductFields":
			into(out, parent, map[string]any{rest: v})
		default:
			if child, grand, deeper := strings.Cut(rest, "."); deeper { // FindingProviderFields.Severity.Original
				into(out, parent, map[string]any{child: map[string]any{grand: v}})
			} else {
				into(out, parent, map[string]any{rest: v})
			}
		}
	}
	return node{out}
}

// into merges object into the member name of out.
func into(out map[string]any, name string, object map[string]any) {
	have, ok := out[name].(map[string]any)
	if !ok {
		have = map[string]any{}
		out[name] = have
	}
	for k, v := range object {
		if inner, ok := v.(map[string]any); ok {
			into(have, k, inner)
		} else {
			have[k] = v
		}
	}
}

// addEvidence puts the first piece of evidence back under the names that GuardDuty has for
// it. What is already there stays.
func addEvidence(fields map[string]any, evidences node) {
	list := evidences.list()
	if len(list) == 0 {
		return
	}
	const prefix = "aws/guardduty/service/"
	e := list[0]
	set := func(path string, n node) {
		if _, have := fields[prefix+path]; !have && n.text() != "" {
			fields[prefix+path] = n.text()
		}
	}
	kind := node{fields[prefix+"action/actionType"]}.text()
	if kind == "" {
		switch {
		case e.at("api", "service", "name").text() != "":
			kind = "AWS_API_CALL"
		case e.at("query", "hostname").text() != "":
			kind = "DNS_REQUEST"
		}
		set("action/actionType", node{kind})
	}
	src := e.at("src_endpoint")
	remote := ""
	switch kind {
	case "AWS_API_CALL":
		set("action/awsApiCallAction/api", e.at("api", "operation"))
		set("action/awsApiCallAction/serviceName", e.at("api", "service", "name"))
		set("action/awsApiCallAction/errorCode", e.at("api", "response", "error"))
		remote = "action/awsApiCallAction/remoteIpDetails/"
	case "KUBERNETES_API_CALL":
		set("action/kubernetesApiCallAction/verb", e.at("api", "operation"))
		remote = "action/kubernetesApiCallAction/remoteIpDetails/"
	case "RDS_LOGIN_ATTEMPT":
		remote = "action/rdsLoginAttemptAction/remoteIpDetails/"
	case "DNS_REQUEST":
		set("action/dnsRequestAction/domain", e.at("query", "hostname"))
		set("action/dnsRequestAction/protocol", e.at("connection_info", "protocol_name"))
	}
	set("additionalInfo/value", e.at("data"))
	if remote == "" {
		return
	}
	address := "ipAddressV4"
	if src.at("ip").addr().Is6() {
		address = "ipAddressV6"
	}
	set(remote+address, src.at("ip"))
	set(remote+"country/countryName", src.at("location", "country"))
	set(remote+"city/cityName", src.at("location", "city"))
	set(remote+"organization/asn", src.at("autonomous_system", "number"))
	set(remote+"organization/asnOrg", src.at("autonomous_system", "name"))
	if c := src.at("location", "coordinates").list(); len(c) == 2 { // longitude first
		set(remote+"geoLocation/lon", c[0])
		set(remote+"geoLocation/lat", c[1])
	}
}
