package kinds

import (
	"fmt"
	"strings"
	"time"
)

// severities are the middle of GuardDuty's bands, and for Critical what sequences were seen with.
var severities = map[string]float64{"Low": 2, "Medium": 5, "High": 8, "Critical": 9.5}

// severity is that of this finding. Types whose severity differs have their own reasons
// (finding types of the GuardDuty User Guide).
func (c *cast) severity() float64 {
	switch {
	case c.is("BruteForce") && c.info.Family == "ec2": // the target's instance or the actor's
		return severities["Low"]
	case c.is("InsideAWS") && !c.hostile: // by an affiliated account
		return severities["Medium"]
	case c.info.Variable && !c.hostile:
		return severities["Low"]
	case c.is("PortProbeUnprotectedPort", "AnomalousBehavior.SuccessfulLogin", "WorkloadDeployed", "MaliciousFile", "SuspiciousCommand"):
		if s, ok := severities[c.info.DefaultSeverity]; ok && !c.info.Variable {
			return s
		}
		return severities["High"]
	}
	// Several words are the bands it may have; an attacker's is the worst.
	words := strings.Split(c.info.DefaultSeverity, "/")
	if s, ok := severities[words[len(words)-1]]; ok {
		return s
	}
	return severities["Medium"]
}

// features are service.featureName by family, as the detector's features are called.
var features = map[string]string{
	"iam": "CloudTrail", "s3": "S3DataEvents", "ec2": "FlowLogs", "eks_audit": "EksAuditLogs", "runtime": "RuntimeMonitoring", "rds": "RdsProtection",
	"lambda": "LambdaNetworkActivity", "malware_ebs": "EbsVolumeScan", "malware_s3": "S3MalwareScan", "malware_backup": "MalwareProtectionForBackup",
	"attack_sequence": "Correlation", "cdr": "CustomDetectionRules", "ai": "AIProtection",
}

// finding is the whole document.
func (c *cast) finding() object {
	service := object{
		"serviceName": "guardduty", "detectorId": c.detector, "archived": false, "count": c.count, "resourceRole": "TARGET",
		"eventFirstSeen": milli(c.at), "eventLastSeen": milli(c.last), "featureName": c.feature(), "additionalInfo": object{},
	}
	body := object{
		"schemaVersion": "2.0", "accountId": c.account, "region": c.region, "partition": "aws", "id": c.id,
		"arn":  fmt.Sprintf("arn:aws:guardduty:%s:%s:detector/%s/finding/%s", c.region, c.account, c.detector, c.id),
		"type": string(c.info.Type), "severity": c.severity(), "createdAt": milli(c.created), "updatedAt": milli(c.created), "service": service,
	}
	resource := object{}
	makers := map[string]func(resource, service object){
		"iam": c.iam, "s3": c.s3, "ec2": c.ec2, "eks_audit": c.eks, "runtime": c.runtime, "rds": c.rds, "lambda": c.lambda,
		"malware_ebs": c.malwareEBS, "malware_s3": c.malwareS3, "malware_backup": c.malwareBackup,
		"attack_sequence": c.attackSequence, "cdr": c.cdr, "ai": c.ai,
	}
	makers[c.info.Family](resource, service)
	body["resource"] = resource
	if c.sample {
		service["additionalInfo"].(object)["sample"] = true
	}
	body["title"], body["description"] = c.words()
	return body
}

func (c *cast) feature() string {
	if c.info.Family == "ec2" && c.info.DataSource == "DNS logs" {
		return "DnsLogs"
	}
	if c.info.Family == "s3" && strings.Contains(c.info.DataSource, "management") {
		return "CloudTrail"
	}
	return features[c.info.Family]
}

// words are title and description, in the way of GuardDuty's own.
func (c *cast) words() (title, description string) {
	technique := c.info.Type.Technique()
	switch c.info.Family {
	case "iam", "cdr", "ai":
		who := c.actorType() + " : " + c.actorName()
		return fmt.Sprintf("The API %s was invoked (%s).", c.call().api, technique),
			fmt.Sprintf("API %s, commonly used in %s tactics, was invoked by user %s under unusual circumstances.", c.call().api, c.info.Type.Tactic(), who)
	case "s3":
		return fmt.Sprintf("The API %s was invoked on the S3 bucket %s (%s).", c.call().api, c.bucket, technique),
			fmt.Sprintf("API %s was invoked on the bucket %s by %s : %s.", c.call().api, c.bucket, c.actorType(), c.actorName())
	case "attack_sequence":
		return fmt.Sprintf("Potential %s.", technique), fmt.Sprintf("A sequence of actions involving %d signals indicates %s.", len(c.signals()), technique)
	default:
		return fmt.Sprintf("%s was seen on %s.", technique, c.named), fmt.Sprintf("%s (%s) was seen on the resource %s from %s on.", c.info.Type.Tactic(), technique, c.named, iso(c.at))
	}
}

// remoteDetails is what GuardDuty knows about an address.
func (p place) details() object {
	if p.country == "" { // a private address is nowhere
		return object{"ipAddressV4": p.ip}
	}
	return object{
		"ipAddressV4": p.ip, "country": object{"countryName": p.country, "countryCode": p.code}, "city": object{"cityName": p.city},
		"geoLocation":  object{"lat": p.lat, "lon": p.lon},
		"organization": object{"asn": p.asn, "asnOrg": p.org, "isp": p.org, "org": p.org},
	}
}

// threats names the list that an address or a domain stands on, and what for.
func (c *cast) threats(service object, names ...string) {
	list1 := "Example-Threat-Intelligence"
	if c.is(".Custom") {
		list1 = "our-own-threat-list"
	}
	detail := object{"threatListName": list1}
	var said list
	for _, n := range names {
		said = append(said, n)
	}
	if said != nil {
		detail["threatNames"] = said
	}
	service["evidence"] = object{"threatIntelligenceDetails": list{detail}}
	service["additionalInfo"].(object)["threatListName"] = list1
}

// intelligence is called for types that exist because an address stands on a list.
func (c *cast) intelligence(service object) {
	switch {
	case c.is("Tor"):
		c.threats(service, "Tor exit node")
	case c.is("MaliciousIPCaller"):
		c.threats(service, "Scanner")
	}
}

func tags(pairs ...string) list {
	var out list
	for i := 0; i < len(pairs); i += 2 {
		out = append(out, object{"key": pairs[i], "value": pairs[i+1]})
	}
	return out
}

// instanceDetails is the EC2 instance.
func (c *cast) instanceDetails() object {
	return object{
		"availabilityZone": c.region + "a", "imageDescription": "Amazon Linux 2023", "imageId": c.image, "instanceId": c.instance,
		"instanceState": "running", "instanceType": "m6i.large", "launchTime": milli(c.at.Add(-40 * 24 * time.Hour)), "platform": "Linux",
		"iamInstanceProfile": object{"arn": fmt.Sprintf("arn:aws:iam::%s:instance-profile/%s", c.account, c.instanceRole), "id": c.profile},
		"networkInterfaces": list{object{
			"ipv6Addresses": list{}, "networkInterfaceId": c.eni, "privateDnsName": "ip-" + strings.ReplaceAll(c.private, ".", "-") + ".ap-northeast-1.compute.internal",
			"privateIpAddress": c.private, "privateIpAddresses": list{object{"privateDnsName": "ip-" + strings.ReplaceAll(c.private, ".", "-") + ".ap-northeast-1.compute.internal", "privateIpAddress": c.private}},
			"publicDnsName": "", "publicIp": c.public, "securityGroups": list{object{"groupId": c.group, "groupName": "web"}}, "subnetId": c.subnet, "vpcId": c.vpc,
		}},
		"productCodes": list{}, "tags": tags("Name", "web-01", "Environment", "production", "Owner", "platform"),
	}
}
