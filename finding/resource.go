package finding

import (
	"net/netip"
	"strings"
)

// readResource reads the members of resource that investigations use.
func readResource(n node) Resource {
	key := n.at("accessKeyDetails")
	r := Resource{
		Type: n.at("resourceType").text(),
		AccessKey: AccessKey{
			ID:          key.at("accessKeyId").text(),
			PrincipalID: key.at("principalId").text(),
			UserName:    key.at("userName").text(),
			UserType:    key.at("userType").text(),
		},
		Instance: readInstance(n.at("instanceDetails")),
	}
	for _, b := range n.at("s3BucketDetails").list() {
		r.Buckets = append(r.Buckets, Bucket{
			Name:       b.at("name").text(),
			ARN:        b.at("arn").text(),
			Type:       b.at("type").text(),
			Permission: b.at("publicAccess", "effectivePermission").text(),
			Owner:      b.at("owner", "id").text(),
			Tags:       b.at("tags").tags(),
		})
	}
	return r
}

func readInstance(n node) Instance {
	i := Instance{
		ID:         n.at("instanceId").text(),
		Type:       n.at("instanceType").text(),
		ImageID:    n.at("imageId").text(),
		ProfileARN: n.at("iamInstanceProfile", "arn").text(),
		Tags:       n.at("tags").tags(),
		Launched:   n.at("launchTime").time(),
	}
	var private, public unique[netip.Addr]
	var groups, interfaces unique[string]
	for _, nic := range n.at("networkInterfaces").list() {
		interfaces.add(nic.at("networkInterfaceId").text())
		private.add(nic.at("privateIpAddress").addr())
		for _, p := range nic.at("privateIpAddresses").list() {
			private.add(p.at("privateIpAddress").addr())
		}
		public.add(nic.at("publicIp").addr())
		for _, v6 := range nic.at("ipv6Addresses").list() {
			if a := v6.addr(); a.IsPrivate() {
				private.add(a)
			} else {
				public.add(a) // an instance's IPv6 addresses are reachable unless they are unique local
			}
		}
		for _, g := range nic.at("securityGroups").list() {
			groups.add(g.at("groupId").text())
		}
		i.VPC = first(i.VPC, nic.at("vpcId").text())
		i.Subnet = first(i.Subnet, nic.at("subnetId").text())
	}
	i.PrivateIPs, i.PublicIPs, i.SecurityGroups, i.Interfaces = private.list, public.list, groups.list, interfaces.list
	return i
}

// nameMembers are the members that name a resource to a reader, by resource.resourceType. The
// types are those that findings were seen with and those of the service model's details.
var nameMembers = map[string][][]string{
	"AccessKey":        {{"accessKeyDetails", "userName"}, {"accessKeyDetails", "principalId"}, {"accessKeyDetails", "accessKeyId"}},
	"S3Bucket":         {{"s3BucketDetails", "name"}, {"s3BucketDetails", "arn"}},
	"S3Object":         {{"s3BucketDetails", "s3ObjectDetails", "objectArn"}, {"s3BucketDetails", "s3ObjectDetails", "key"}, {"s3BucketDetails", "name"}},
	"Instance":         {{"instanceDetails", "instanceId"}},
	"EKSCluster":       {{"eksClusterDetails", "name"}, {"eksClusterDetails", "arn"}, {"kubernetesDetails", "kubernetesWorkloadDetails", "name"}},
	"ECSCluster":       {{"ecsClusterDetails", "name"}, {"ecsClusterDetails", "arn"}},
	"Container":        {{"containerDetails", "name"}, {"containerDetails", "id"}, {"containerDetails", "image"}},
	"Lambda":           {{"lambdaDetails", "functionName"}, {"lambdaDetails", "functionArn"}},
	"RDSDBInstance":    {{"rdsDbInstanceDetails", "dbInstanceIdentifier"}, {"rdsDbInstanceDetails", "dbInstanceArn"}},
	"RDSLimitlessDB":   {{"rdsLimitlessDbDetails", "dbShardGroupIdentifier"}, {"rdsLimitlessDbDetails", "dbClusterIdentifier"}},
	"EBSSnapshot":      {{"ebsSnapshotDetails", "snapshotArn"}},
	"EC2Image":         {{"ec2ImageDetails", "imageArn"}},
	"RecoveryPoint":    {{"recoveryPointDetails", "recoveryPointArn"}, {"recoveryPointDetails", "backupVaultName"}},
	"BedrockGuardrail": {{"bedrockGuardrailDetails", "guardrailArn"}},
}

// resourceName names the resource in one word: by its type, then by whatever it says of itself.
func resourceName(top node, r Resource) string {
	resource := top.at("resource")
	if s := nameBy(resource, nameMembers[r.Type]); s != "" {
		return s
	}
	for _, kind := range []string{"S3Bucket", "Instance", "EKSCluster", "ECSCluster", "Lambda", "RDSDBInstance", "RDSLimitlessDB", "Container", "EBSSnapshot", "EC2Image", "RecoveryPoint", "BedrockGuardrail", "AccessKey"} {
		if s := nameBy(resource, nameMembers[kind]); s != "" {
			return s
		}
	}
	sequence := top.at("service", "detection", "sequence")
	for _, a := range sequence.at("actors").list() {
		if s := a.at("user", "name").text(); s != "" {
			return s
		}
	}
	for _, res := range sequence.at("resources").list() {
		if s := first(res.at("name").text(), res.at("uid").text()); s != "" {
			return s
		}
	}
	return ""
}

// nameBy follows each path, in a list to its first element.
func nameBy(n node, paths [][]string) string {
	for _, path := range paths {
		at := n
		for _, step := range path {
			if l, ok := at.v.([]any); ok && len(l) > 0 {
				at = node{l[0]}
			}
			at = at.at(step)
		}
		if s := at.text(); s != "" {
			return shortName(s)
		}
	}
	return ""
}

// shortName is the last part of an ARN, and any other name as it is. An object's ARN
// keeps its bucket: arn:aws:s3:::bucket/key is bucket/key.
func shortName(s string) string {
	if !strings.HasPrefix(s, "arn:") {
		return s
	}
	parts := strings.SplitN(s, ":", 6)
	if len(parts) < 6 || parts[5] == "" {
		return s
	}
	if parts[2] == "s3" {
		return parts[5]
	}
	_, name, ok := strings.Cut(parts[5], "/")
	if !ok {
		_, name, ok = strings.Cut(parts[5], ":")
	}
	if !ok || name == "" {
		return parts[5]
	}
	return name
}
