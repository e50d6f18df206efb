package awslookup

import (
	"context"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"uratori/evidence"
)

var instanceForm = regexp.MustCompile(`^i-([0-9a-f]{8}|[0-9a-f]{17})$`)

// instance tells the state of an instance and what its security groups let in.
func (k *looking) instance() error {
	id := k.what.Key
	if !instanceForm.MatchString(id) {
		return unknowable("this is no id of an instance")
	}
	var groups []string
	err := k.main(ask{
		api: "ec2:DescribeInstances", as: "ec2 describe-instances --instance-ids " + id,
		region: k.what.Region, owner: k.what.Account, absent: []string{"InvalidInstanceID.NotFound"},
	}, func(ctx context.Context, cfg aws.Config) error {
		out, err := ec2.NewFromConfig(cfg).DescribeInstances(ctx, &ec2.DescribeInstancesInput{InstanceIds: []string{id}})
		if err != nil {
			return err
		}
		if len(out.Reservations) != 1 || len(out.Reservations[0].Instances) != 1 || aws.ToString(out.Reservations[0].Instances[0].InstanceId) != id {
			return missing("the instance")
		}
		k.body.Instance, groups = readInstance(out.Reservations[0].Instances[0])
		if k.body.Instance.State == "" {
			return missing("the instance's state")
		}
		return nil
	})
	if err != nil {
		return err
	}
	const api = "ec2:DescribeSecurityGroups"
	if len(groups) == 0 {
		k.none(api) // a terminated instance has none
		return nil
	}
	_, err = k.part(ask{
		api: api, as: "ec2 describe-security-groups --group-ids " + strings.Join(groups, " "), region: k.what.Region, owner: k.what.Account,
	}, func(ctx context.Context, cfg aws.Config) error {
		out, err := ec2.NewFromConfig(cfg).DescribeSecurityGroups(ctx, &ec2.DescribeSecurityGroupsInput{GroupIds: groups})
		if err != nil {
			return err
		}
		var list []evidence.Group
		for _, g := range out.SecurityGroups {
			list = append(list, readGroup(g))
		}
		slices.SortFunc(list, func(a, b evidence.Group) int { return strings.Compare(a.ID, b.ID) })
		if !slices.EqualFunc(list, groups, func(g evidence.Group, id string) bool { return g.ID == id }) {
			return missing("every security group of the instance")
		}
		k.body.Instance.Groups = list
		return nil
	})
	return err
}

// readInstance is the instance, and the ids of its groups.
func readInstance(i ec2types.Instance) (*evidence.LookedInstance, []string) {
	out := &evidence.LookedInstance{
		ID: aws.ToString(i.InstanceId), Type: string(i.InstanceType), Image: aws.ToString(i.ImageId), Launched: when(i.LaunchTime),
		PrivateIP: aws.ToString(i.PrivateIpAddress), PublicIP: aws.ToString(i.PublicIpAddress), VPC: aws.ToString(i.VpcId), Subnet: aws.ToString(i.SubnetId),
	}
	if i.State != nil {
		out.State = string(i.State.Name)
	}
	if i.IamInstanceProfile != nil {
		out.Profile = aws.ToString(i.IamInstanceProfile.Arn)
	}
	if i.MetadataOptions != nil {
		out.Metadata = string(i.MetadataOptions.HttpTokens)
	}
	for _, t := range i.Tags {
		out.Tags = append(out.Tags, evidence.Tag{Key: aws.ToString(t.Key), Value: aws.ToString(t.Value)})
	}
	sortTags(out.Tags)
	var groups []string
	for _, g := range i.SecurityGroups {
		groups = append(groups, aws.ToString(g.GroupId))
	}
	for _, nic := range i.NetworkInterfaces {
		for _, g := range nic.Groups {
			groups = append(groups, aws.ToString(g.GroupId))
		}
	}
	return out, unique(groups)
}

func readGroup(g ec2types.SecurityGroup) evidence.Group {
	out := evidence.Group{ID: aws.ToString(g.GroupId), Name: aws.ToString(g.GroupName)}
	for _, p := range g.IpPermissions {
		in := evidence.Ingress{Protocol: aws.ToString(p.IpProtocol), From: 0, To: 65535}
		if p.FromPort != nil && p.ToPort != nil {
			in.From, in.To = int(*p.FromPort), int(*p.ToPort)
		}
		add := func(source *string) {
			in.Source = aws.ToString(source)
			out.Ingress = append(out.Ingress, in)
		}
		for _, r := range p.IpRanges {
			add(r.CidrIp)
		}
		for _, r := range p.Ipv6Ranges {
			add(r.CidrIpv6)
		}
		for _, r := range p.PrefixListIds {
			add(r.PrefixListId)
		}
		for _, r := range p.UserIdGroupPairs {
			add(r.GroupId)
		}
	}
	slices.SortFunc(out.Ingress, func(a, b evidence.Ingress) int {
		key := func(i evidence.Ingress) string {
			return i.Protocol + "\x00" + strconv.Itoa(i.From) + "\x00" + strconv.Itoa(i.To) + "\x00" + i.Source
		}
		return strings.Compare(key(a), key(b))
	})
	return out
}
