package finding

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
)

// fromASFF makes the GuardDuty document of a Security Hub finding, as far as ASFF carries
// it. The finding's own form is elsewhere: the id in ASFF is its ARN, by which
// GetFindings has the original.
func fromASFF(doc map[string]any) (map[string]any, error) {
	top := node{withoutNulls(doc)}
	id := top.at("Id").text()
	if !ofGuardDuty(top.at("ProductArn").text(), top.at("ProductName").text(), id) {
		return nil, fmt.Errorf("this is a Security Hub finding of the product %.80q, no GuardDuty finding; take only those of the product GuardDuty", first(top.at("ProductName").text(), top.at("ProductArn").text()))
	}
	out := map[string]any{}
	set := func(name string, n node) {
		if _, have := out[name]; !have && n.text() != "" {
			out[name] = n.v
		}
	}
	arn := parseFindingARN(id)
	set("id", node{first(arn.finding, id)})
	if arn.finding != "" {
		set("arn", node{id})
	}
	set("accountId", top.at("AwsAccountId"))
	set("accountId", node{arn.account})
	set("region", node{arn.region}) // the Region member is Security Hub's, and other after aggregation
	set("region", top.at("Region"))
	set("partition", node{arn.partition})
	set("title", top.at("Title"))
	set("description", top.at("Description"))
	set("createdAt", top.at("CreatedAt"))
	set("updatedAt", top.at("UpdatedAt"))
	// Severity.Normalized is no ten times the severity: 2 was seen as 20 and as 40.
	for _, n := range []node{
		top.at("Severity", "Original"), top.at("Severity", "Product"),
		top.at("FindingProviderFields", "Severity", "Original"), top.at("FindingProviderFields", "Severity", "Product"),
	} {
		if number, ok := numberOf(n.text()); ok {
			set("severity", node{number})
		}
	}
	if t := typeOfASFF(top.at("Types").texts()); t != "" {
		out["type"] = string(t)
	}

	service := serviceOfASFF(top.at("ProductFields"))
	fill := func(name string, n node) {
		if _, have := service[name]; !have && n.text() != "" {
			service[name] = n.v
		}
	}
	fill("eventFirstSeen", top.at("FirstObservedAt"))
	fill("eventLastSeen", top.at("LastObservedAt"))
	fill("detectorId", node{arn.detector})
	if top.at("RecordState").text() == "ARCHIVED" {
		fill("archived", node{true})
	}
	if top.at("Sample").isTrue() {
		info, ok := service["additionalInfo"].(map[string]any)
		if !ok {
			info = map[string]any{}
			service["additionalInfo"] = info
		}
		info["sample"] = true
	}
	out["service"] = service
	out["resource"] = resourceOfASFF(top.at("Resources"), Type(node{out["type"]}.text()))
	return canonical(out)
}

// ofGuardDuty tells by any of the members that name the product.
func ofGuardDuty(productARN, productName, id string) bool {
	return strings.HasSuffix(strings.ToLower(productARN), "/guardduty") ||
		strings.EqualFold(strings.TrimPrefix(productName, "Amazon "), "GuardDuty") ||
		parseFindingARN(id).finding != ""
}

// A findingARN is arn:PARTITION:guardduty:REGION:ACCOUNT:detector/DETECTOR/finding/FINDING.
type findingARN struct{ partition, region, account, detector, finding string }

// parseFindingARN is empty for what is no such ARN.
func parseFindingARN(s string) findingARN {
	parts := strings.SplitN(s, ":", 6)
	if len(parts) < 6 || parts[0] != "arn" || parts[2] != "guardduty" {
		return findingARN{}
	}
	path := strings.Split(parts[5], "/")
	if len(path) != 4 || path[0] != "detector" || path[2] != "finding" {
		return findingARN{}
	}
	return findingARN{parts[1], parts[3], parts[4], path[1], path[3]}
}

// serviceOfASFF rebuilds the service object, which Security Hub flattens into text:
//
//	"aws/guardduty/service/action/portProbeAction/portProbeDetails.0_/localPortDetails/port": "22"
//
// Older findings have the same names without the prefix.
func serviceOfASFF(fields node) map[string]any {
	const prefix, deepest = "aws/guardduty/service/", 32
	flat, _ := fields.v.(map[string]any)
	root := map[string]any{}
	for _, name := range slices.Sorted(maps.Keys(flat)) {
		path, ours := strings.CutPrefix(name, prefix)
		if !ours && !serviceMembers[strings.Split(name, "/")[0]] {
			continue
		}
		steps := strings.Split(path, "/")
		if len(steps) > deepest {
			continue
		}
		plant(root, steps, leaf(steps, flat[name]))
	}
	out, _ := grown(root).(map[string]any)
	if text, ok := out["additionalInfo"].(string); ok { // in older findings JSON text
		if v, err := decode([]byte(text)); err == nil {
			if object, ok := v.(map[string]any); ok && depth(object) < maxDepth-3 {
				out["additionalInfo"] = object
			}
		}
	}
	return out
}

// serviceMembers are the members of service, as the service model has them.
var serviceMembers = map[string]bool{
	"action": true, "additionalInfo": true, "archived": true, "count": true, "detection": true, "detectorId": true,
	"ebsVolumeScanDetails": true, "eventFirstSeen": true, "eventLastSeen": true, "evidence": true, "featureName": true,
	"malwareScanDetails": true, "resourceRole": true, "runtimeDetails": true, "serviceName": true, "userFeedback": true,
}

// A row is a list in the making: its elements by index.
type row map[int]any

// plant puts v into the tree under steps, of which "name.3_" is element 3 of the list name.
// Where two fields contradict each other about what is a list or an object, the first stays.
func plant(at map[string]any, steps []string, v any) {
	name, index, isElement := cutIndex(steps[0])
	last := len(steps) == 1
	if !isElement {
		if last {
			if _, have := at[name]; !have {
				at[name] = v
			}
			return
		}
		child, ok := at[name].(map[string]any)
		if !ok {
			if _, isRow := at[name].(row); isRow {
				return
			}
			child = map[string]any{} // also in place of the empty text that stands for an empty object
			at[name] = child
		}
		plant(child, steps[1:], v)
		return
	}
	list, ok := at[name].(row)
	if !ok {
		if _, isObject := at[name].(map[string]any); isObject {
			return
		}
		list = row{}
		at[name] = list
	}
	if last {
		if _, have := list[index]; !have {
			list[index] = v
		}
		return
	}
	child, ok := list[index].(map[string]any)
	if !ok {
		child = map[string]any{}
		list[index] = child
	}
	plant(child, steps[1:], v)
}

// cutIndex splits "portProbeDetails.0_" into its name and index.
func cutIndex(step string) (name string, index int, ok bool) {
	dot := strings.LastIndexByte(step, '.')
	digits, underscore := strings.CutSuffix(step[dot+1:], "_")
	if dot < 0 || !underscore || digits == "" || len(digits) > 6 {
		return step, 0, false
	}
	for _, d := range digits {
		if d < '0' || d > '9' {
			return step, 0, false
		}
		index = 10*index + int(d-'0')
	}
	return step[:dot], index, true
}

// grown turns rows into lists in order of their indexes.
func grown(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			v[k] = grown(e)
		}
		return v
	case row:
		list := make([]any, 0, len(v))
		for _, i := range slices.Sorted(maps.Keys(v)) {
			list = append(list, grown(v[i]))
		}
		return list
	default:
		return v
	}
}

// Members of service that are numbers and truth values, which Security Hub sends as text.
// TestLeavesFollowTheModel holds them against the service model.
var (
	numberLeaves = map[string]bool{
		"count": true, "euid": true, "failedLoginAttempts": true, "files": true, "ianaProtocolNumber": true, "itemCount": true,
		"lat": true, "lon": true, "namespacePid": true, "number": true, "pid": true, "port": true, "statusCode": true,
		"successfulLoginAttempts": true, "totalGb": true, "uniqueThreatCount": true, "uniqueThreatNameCount": true, "userId": true, "volumes": true,
	}
	truthLeaves = map[string]bool{"affiliated": true, "allowed": true, "archived": true, "blocked": true, "sample": true, "shortened": true}
)

// leaf gives a flattened value its type back. In additionalInfo only the sample flag is
// known; the rest there is as the sender wrote it.
func leaf(steps []string, v any) any {
	text, ok := v.(string)
	if !ok {
		return v
	}
	name := steps[len(steps)-1]
	if steps[0] == "additionalInfo" && (name != "sample" || len(steps) != 2) {
		return v
	}
	if truthLeaves[name] && (text == "true" || text == "false") {
		return text == "true"
	}
	if numberLeaves[name] {
		if n, ok := numberOf(text); ok {
			return n
		}
	}
	return v
}

// numberOf is text as a number, if JSON would take it for one.
func numberOf(text string) (json.Number, bool) {
	if text == "" || text[0] != '-' && (text[0] < '0' || text[0] > '9') || !json.Valid([]byte(text)) {
		return "", false
	}
	return json.Number(strings.TrimSpace(text)), true
}

// resourceOfASFF makes the resource object from the list of resources. The resource that
// the type is about gives resourceType; without a known type it is the first one named.
func resourceOfASFF(resources node, t Type) map[string]any {
	out := map[string]any{}
	kinds := map[string]bool{}
	kind := ""
	for _, r := range resources.list() {
		k := addResource(out, r)
		if k != "" && kind == "" {
			kind = k
		}
		kinds[k] = true
	}
	if info, ok := Lookup(t); ok {
		for k := range strings.SplitSeq(info.ResourceType, "|") {
			if kinds[k] {
				kind = k
				break
			}
		}
	}
	if kind != "" {
		out["resourceType"] = kind
	}
	return out
}

// addResource puts one resource where GuardDuty has it and returns GuardDuty's word for its kind.
func addResource(out map[string]any, r node) string {
	kind := foldType(strings.TrimPrefix(strings.TrimPrefix(r.at("Type").text(), "Aws"), "AWS::"))
	id := r.at("Id").text()
	var details node // Details has one member, named for the type
	if m, ok := r.at("Details").v.(map[string]any); ok {
		for _, name := range slices.Sorted(maps.Keys(m)) {
			if foldType(strings.TrimPrefix(name, "Aws")) == kind {
				details = node{m[name]}
			}
		}
	}
	put := func(member string, object map[string]any) {
		for k, v := range object {
			if s, isText := v.(string); v == nil || isText && s == "" {
				delete(object, k)
			}
		}
		if _, have := out[member]; !have && len(object) > 0 {
			out[member] = object
		}
	}
	text := func(names ...string) any { return details.at(names...).text() }
	switch kind {
	case "iamaccesskey":
		keyID := strings.TrimPrefix(id, "AWS::IAM::AccessKey:")
		if keyID == "null" { // so written for a console session
			keyID = ""
		}
		put("accessKeyDetails", map[string]any{
			"accessKeyId": first(details.at("AccessKeyId").text(), keyID),
			"principalId": text("PrincipalId"),
			"userName":    first(details.at("PrincipalName").text(), details.at("UserName").text()),
			"userType":    text("PrincipalType"),
		})
		return "AccessKey"
	case "ec2instance":
		put("instanceDetails", map[string]any{
			"instanceId":         shortName(id),
			"instanceType":       text("Type"),
			"imageId":            text("ImageId"),
			"launchTime":         details.at("LaunchedAt").v,
			"iamInstanceProfile": profile(details.at("IamInstanceProfileArn").text()),
			"networkInterfaces":  interfaces(details),
			"tags":               tagList(r.at("Tags")),
		})
		return "Instance"
	case "s3bucket":
		bucket := map[string]any{"arn": id, "name": shortName(id)}
		if c := details.at("CreatedAt"); c.text() != "" {
			bucket["createdAt"] = c.v
		}
		if o := details.at("OwnerId").text(); o != "" {
			bucket["owner"] = map[string]any{"id": o}
		}
		if tags := tagList(r.at("Tags")); tags != nil {
			bucket["tags"] = tags
		}
		list, _ := out["s3BucketDetails"].([]any)
		out["s3BucketDetails"] = append(list, bucket)
		return "S3Bucket"
	case "ekscluster":
		put("eksClusterDetails", map[string]any{"arn": id, "name": first(details.at("Name").text(), shortName(id))})
		return "EKSCluster"
	case "ecscluster":
		put("ecsClusterDetails", map[string]any{"arn": id, "name": first(details.at("ClusterName").text(), shortName(id))})
		return "ECSCluster"
	case "lambdafunction":
		put("lambdaDetails", map[string]any{"functionArn": id, "functionName": first(details.at("FunctionName").text(), functionName(id)), "functionVersion": text("Version"), "role": text("Role")})
		return "Lambda"
	case "rdsdbinstance":
		put("rdsDbInstanceDetails", map[string]any{"dbInstanceArn": id, "dbInstanceIdentifier": first(details.at("DBInstanceIdentifier").text(), shortName(id)), "engine": text("Engine"), "engineVersion": text("EngineVersion")})
		return "RDSDBInstance"
	case "container":
		put("containerDetails", map[string]any{"name": first(details.at("Name").text(), id), "image": text("ImageName"), "containerRuntime": text("ContainerRuntime")})
		return "Container"
	default:
		return ""
	}
}

func profile(arn string) any {
	if arn == "" {
		return nil
	}
	return map[string]any{"arn": arn}
}

// interfaces makes network interfaces of the addresses that ASFF has in one list, private and public mixed.
func interfaces(details node) any {
	nic := map[string]any{}
	for name, member := range map[string]string{"VpcId": "vpcId", "SubnetId": "subnetId"} {
		if s := details.at(name).text(); s != "" {
			nic[member] = s
		}
	}
	var private, v6, more []any
	for _, a := range details.at("IpV4Addresses").list() {
		addr := a.addr()
		switch {
		case inside(addr):
			private = append(private, map[string]any{"privateIpAddress": a.text()})
		case nic["publicIp"] == nil:
			nic["publicIp"] = a.text()
		default:
			more = append(more, map[string]any{"publicIp": a.text()})
		}
	}
	for _, a := range details.at("IpV6Addresses").list() {
		v6 = append(v6, a.text())
	}
	if private != nil {
		nic["privateIpAddresses"] = private
	}
	if v6 != nil {
		nic["ipv6Addresses"] = v6
	}
	if len(nic) == 0 {
		return nil
	}
	return append([]any{nic}, more...)
}

// inside tells whether an address is of a private network or the machine's own.
func inside(a netip.Addr) bool { return a.IsPrivate() || a.IsLoopback() || a.IsLinkLocalUnicast() }

// tagList makes GuardDuty's list of {key, value} of ASFF's object.
func tagList(n node) any {
	tags := n.stringMap()
	if len(tags) == 0 {
		return nil
	}
	var list []any
	for _, k := range slices.Sorted(maps.Keys(tags)) {
		list = append(list, map[string]any{"key": k, "value": tags[k]})
	}
	return list
}

// functionName is the name in arn:aws:lambda:REGION:ACCOUNT:function:NAME[:VERSION].
func functionName(arn string) string {
	name, _, _ := strings.Cut(shortName(arn), ":")
	return name
}
