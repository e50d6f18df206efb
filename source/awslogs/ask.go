package awslogs

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"uratori/evidence"
	"uratori/query"
	"uratori/source"
	"uratori/source/awsconn"
	"uratori/source/coverage"
)

// Forms of names that go into requests. What has another form is nothing that AWS could know.
var (
	clusterForm  = regexp.MustCompile(`^[0-9A-Za-z][0-9A-Za-z_-]{0,99}$`)              // Amazon EKS API Reference, CreateCluster
	databaseForm = regexp.MustCompile(`^[A-Za-z][0-9A-Za-z-]{0,62}$`)                  // Amazon RDS API Reference, CreateDBInstance
	bucketForm   = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{1,253}[A-Za-z0-9]$`) // Amazon S3 User Guide, "General purpose buckets naming rules"
)

// maxPages bounds one list.
const maxPages = 20

// pages asks for pages until there is no other.
func pages(do func(token string) (next string, err error)) error {
	token := ""
	for range maxPages {
		next, err := do(token)
		switch {
		case err != nil:
			return err
		case next == "":
			return nil
		case next == token:
			return fmt.Errorf("the service gives the same page again: %w", source.ErrUnavailable)
		}
		token = next
	}
	return fmt.Errorf("the list has more than %d pages: %w", maxPages, source.ErrUnavailable)
}

// keep adds a document in the form of the AWS CLI, and what it says.
func (s *Source) keep(k *known, scope query.Scope, name string, form any) error {
	body, err := json.Marshal(form)
	if err != nil {
		return fmt.Errorf("keep the answer of %s: %w: %w", name, err, source.ErrUnavailable)
	}
	k.documents = append(k.documents, source.Document{Source: s.Name(), Name: name, Body: body})
	k.settings = append(k.settings, coverage.ReadSettings(scope.Account, scope.Region, body)...)
	return nil
}

func at(scope query.Scope) string { return scope.Account + " " + scope.Region }

// regional says that a scope's settings are told Region by Region.
func regional(scope query.Scope) error {
	if scope.Region == "" {
		return unclear("settings of a Region can be told, not those of any")
	}
	return nil
}

// flows tells of flow logs: of the interfaces that the question is confined to, with the subnet
// and VPC around them where the subject knows those, else of the whole Region.
func (s *Source) flows(ctx context.Context, scope query.Scope) (told, error) {
	if err := regional(scope); err != nil {
		return told{}, err
	}
	k, err := s.once(ctx, "flows "+at(scope), func(k *known) error {
		type flowLog struct {
			FlowLogID         string     `json:"FlowLogId"`
			FlowLogStatus     string     `json:"FlowLogStatus,omitempty"`
			DeliverLogsStatus string     `json:"DeliverLogsStatus,omitempty"`
			ResourceID        string     `json:"ResourceId"`
			TrafficType       string     `json:"TrafficType,omitempty"`
			Destination       string     `json:"LogDestination,omitempty"`
			DestinationType   string     `json:"LogDestinationType,omitempty"`
			Group             string     `json:"LogGroupName,omitempty"`
			Created           *time.Time `json:"CreationTime,omitempty"`
		}
		list := []flowLog{}
		err := pages(func(token string) (next string, err error) {
			_, _, err = s.opt.Conn.Do(ctx, awsconn.Target{Service: "ec2", API: "ec2:DescribeFlowLogs", Account: scope.Account, Region: scope.Region}, func(ctx context.Context, cfg aws.Config) error {
				in := &ec2.DescribeFlowLogsInput{MaxResults: aws.Int32(1000)}
				if token != "" {
					in.NextToken = aws.String(token)
				}
				out, err := ec2.NewFromConfig(cfg).DescribeFlowLogs(ctx, in)
				if err != nil {
					return err
				}
				for _, f := range out.FlowLogs {
					if aws.ToString(f.ResourceId) == "" {
						return fmt.Errorf("a flow log names nothing that it logs: %w", source.ErrUnavailable)
					}
					list = append(list, flowLog{
						aws.ToString(f.FlowLogId), aws.ToString(f.FlowLogStatus), aws.ToString(f.DeliverLogsStatus), aws.ToString(f.ResourceId),
						string(f.TrafficType), aws.ToString(f.LogDestination), string(f.LogDestinationType), aws.ToString(f.LogGroupName), f.CreationTime,
					})
				}
				next = aws.ToString(out.NextToken)
				return nil
			})
			return next, err
		})
		if err != nil {
			return err
		}
		return s.keep(k, scope, "ec2:DescribeFlowLogs "+at(scope), map[string]any{"FlowLogs": list})
	})
	if err != nil {
		return told{}, err
	}
	t := told{settings: k.settings, none: "flow log"}
	if subject := source.SubjectOf(ctx); subject.Region == scope.Region {
		t.resources = around(subject)
	}
	vpc := ""
	if len(t.resources) > 0 {
		vpc = t.resources[0]
	}
	return t, s.owned(ctx, scope, t, vpc)
}

// owned says that a log cannot be told off where a VPC is another account's, which shares it: that
// account's logs record there, too, and are not listed here. vpc is the one that counts; "" for all.
func (s *Source) owned(ctx context.Context, scope query.Scope, t told, vpc string) error {
	if sw, _, _ := coverage.Switched(t.settings, t.resources...); sw != coverage.Off {
		return nil
	}
	type owned struct {
		ID    string `json:"VpcId"`
		Owner string `json:"OwnerId"`
	}
	k, err := s.once(ctx, "vpcs "+at(scope), func(k *known) error {
		list := []owned{}
		err := pages(func(token string) (next string, err error) {
			_, _, err = s.opt.Conn.Do(ctx, awsconn.Target{Service: "ec2", API: "ec2:DescribeVpcs", Account: scope.Account, Region: scope.Region}, func(ctx context.Context, cfg aws.Config) error {
				in := &ec2.DescribeVpcsInput{MaxResults: aws.Int32(1000)}
				if token != "" {
					in.NextToken = aws.String(token)
				}
				out, err := ec2.NewFromConfig(cfg).DescribeVpcs(ctx, in)
				if err != nil {
					return err
				}
				for _, v := range out.Vpcs {
					list = append(list, owned{aws.ToString(v.VpcId), aws.ToString(v.OwnerId)})
				}
				next = aws.ToString(out.NextToken)
				return nil
			})
			return next, err
		})
		if err != nil {
			return err
		}
		return s.keep(k, scope, "ec2:DescribeVpcs "+at(scope), map[string]any{"Vpcs": list})
	})
	if err != nil {
		return err
	}
	var d struct{ Vpcs []owned }
	if err := json.Unmarshal(k.documents[0].Body, &d); err != nil {
		return unreadable("DescribeVpcs", err)
	}
	found := vpc == ""
	for _, v := range d.Vpcs {
		if vpc != "" && v.ID != vpc {
			continue
		}
		found = true
		if v.Owner != scope.Account {
			return unclear("%s is shared by account %s, whose logs are not told here", v.ID, v.Owner)
		}
	}
	if !found {
		return unclear("%s is not there now: whose it was, and what was logged of it, is not told", vpc)
	}
	return nil
}

// around are the interfaces that a question is confined to, with what lies around them. It is nil
// when they are not known whole: a flow log of a VPC that is not known may record them.
func around(s source.Subject) []string {
	interfaces := restricted(s.Where, "interface")
	instance := restricted(s.Where, "instance")
	switch {
	case s.VPC == "" || s.Subnet == "" || len(s.Interfaces) != 1: // of several, each may lie in a subnet of its own
		return nil
	case len(interfaces) > 0 && !slices.ContainsFunc(interfaces, func(i string) bool { return !slices.Contains(s.Interfaces, i) }):
	case len(instance) == 1 && s.Instance != "" && instance[0] == s.Instance:
		interfaces = s.Interfaces
	default:
		return nil
	}
	return append([]string{s.VPC, s.Subnet}, interfaces...)
}

// resolver tells of Resolver query logs, which are on by VPC: of the subject's VPC where it is known,
// for a name is asked for there; else of the whole Region.
func (s *Source) resolver(ctx context.Context, scope query.Scope) (told, error) {
	if err := regional(scope); err != nil {
		return told{}, err
	}
	k, err := s.once(ctx, "resolver "+at(scope), func(k *known) error {
		for _, list := range []string{"ResolverQueryLogConfigs", "ResolverQueryLogConfigAssociations"} {
			api := "List" + list
			items := []json.RawMessage{}
			err := pages(func(token string) (string, error) {
				in := map[string]any{"MaxResults": 100}
				if token != "" {
					in["NextToken"] = token
				}
				body, err := json.Marshal(in)
				if err != nil {
					return "", err
				}
				answer, err := s.opt.Conn.Send(ctx, awsconn.Target{Service: "route53resolver", API: "route53resolver:" + api, Account: scope.Account, Region: scope.Region}, awsconn.Raw{
					Method: http.MethodPost, Path: "/", Body: body,
					Header: http.Header{"Content-Type": {"application/x-amz-json-1.1"}, "X-Amz-Target": {"Route53Resolver." + api}},
				})
				if err != nil {
					return "", err
				}
				var page map[string]json.RawMessage
				var some []json.RawMessage
				var next string
				if err := json.Unmarshal(answer, &page); err != nil {
					return "", unreadable(api, err)
				}
				if page[list] == nil {
					return "", unreadable(api, errors.New("it holds no list"))
				}
				if err := json.Unmarshal(page[list], &some); err != nil {
					return "", unreadable(api, err)
				}
				if page["NextToken"] != nil {
					if err := json.Unmarshal(page["NextToken"], &next); err != nil {
						return "", unreadable(api, err)
					}
				}
				items = append(items, some...)
				return next, nil
			})
			if err != nil {
				return err
			}
			if err := s.associations(k, scope, list, items); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return told{}, err
	}
	t := told{settings: k.settings, none: "Resolver query log"}
	if subject := source.SubjectOf(ctx); subject.Region == scope.Region && subject.VPC != "" {
		t.resources = []string{subject.VPC}
	}
	return t, s.owned(ctx, scope, t, strings.Join(t.resources, ""))
}

// associations keeps a list of the Resolver's. A configuration logs nothing by itself, only by its
// associations with VPCs.
func (s *Source) associations(k *known, scope query.Scope, list string, items []json.RawMessage) error {
	associated := list == "ResolverQueryLogConfigAssociations"
	for _, item := range items {
		var a struct {
			ResourceID string `json:"ResourceId"`
			Status     string
		}
		if err := json.Unmarshal(item, &a); err != nil {
			return unreadable(list, err)
		}
		if a.Status == "" || associated && a.ResourceID == "" {
			return unreadable(list, errors.New("an entry tells no status or no VPC"))
		}
	}
	if err := s.keep(k, scope, "route53resolver:List"+list+" "+at(scope), map[string]any{list: items}); err != nil {
		return err
	}
	if !associated {
		k.settings = nil
	}
	return nil
}

func unreadable(api string, err error) error {
	return fmt.Errorf("the answer of %s cannot be read: %w: %w", api, err, source.ErrUnavailable)
}

// clusters tells of audit logs of EKS clusters: of the cluster that the question names, else of
// all of the Region. A question that names no Region is about the subject's.
func (s *Source) clusters(ctx context.Context, scope query.Scope) (told, error) {
	subject := source.SubjectOf(ctx)
	names := restricted(subject.Where, "cluster")
	if scope.Region == "" && len(names) > 0 {
		scope.Region = subject.Region
	}
	if err := regional(scope); err != nil {
		return told{}, err
	}
	t := told{resources: names, none: "audit log"}
	if len(names) == 0 {
		var err error
		if names, err = s.listClusters(ctx, scope); err != nil {
			return told{}, err
		}
	}
	for _, name := range names {
		if !clusterForm.MatchString(name) {
			return told{}, unclear("this is no name of a cluster")
		}
		k, err := s.once(ctx, "cluster "+at(scope)+" "+name, func(k *known) error {
			body, err := s.opt.Conn.Send(ctx, awsconn.Target{Service: "eks", API: "eks:DescribeCluster", Account: scope.Account, Region: scope.Region}, awsconn.Raw{
				Method: http.MethodGet, Path: "/clusters/" + url.PathEscape(name),
			})
			if err != nil {
				return err
			}
			var d struct {
				Cluster *struct {
					Name    string          `json:"name"`
					Arn     string          `json:"arn"`
					Status  string          `json:"status,omitempty"`
					Logging json.RawMessage `json:"logging"`
				} `json:"cluster"`
			}
			if err := json.Unmarshal(body, &d); err != nil {
				return unreadable("DescribeCluster", err)
			}
			if d.Cluster == nil || d.Cluster.Name != name || len(d.Cluster.Logging) == 0 || string(d.Cluster.Logging) == "null" {
				return unreadable("DescribeCluster", errors.New("it does not tell the cluster's logging"))
			}
			return s.keep(k, scope, "eks:DescribeCluster "+at(scope)+" "+name, d)
		})
		if err != nil {
			return told{}, err
		}
		t.settings = append(t.settings, k.settings...)
	}
	return t, nil
}

func (s *Source) listClusters(ctx context.Context, scope query.Scope) ([]string, error) {
	k, err := s.once(ctx, "clusters "+at(scope), func(k *known) error {
		names := []string{}
		err := pages(func(token string) (string, error) {
			path := "/clusters?maxResults=100"
			if token != "" {
				path += "&nextToken=" + url.QueryEscape(token)
			}
			body, err := s.opt.Conn.Send(ctx, awsconn.Target{Service: "eks", API: "eks:ListClusters", Account: scope.Account, Region: scope.Region}, awsconn.Raw{Method: http.MethodGet, Path: path})
			if err != nil {
				return "", err
			}
			var page struct {
				Clusters  *[]string `json:"clusters"`
				NextToken string    `json:"nextToken"`
			}
			if err := json.Unmarshal(body, &page); err != nil || page.Clusters == nil {
				return "", unreadable("ListClusters", errors.Join(err, errors.New("it holds no list")))
			}
			names = append(names, *page.Clusters...)
			return page.NextToken, nil
		})
		if err != nil {
			return err
		}
		slices.Sort(names)
		return s.keep(k, scope, "eks:ListClusters "+at(scope), map[string]any{"clusters": names})
	})
	if err != nil {
		return nil, err
	}
	var list struct{ Clusters []string }
	if err := json.Unmarshal(k.documents[0].Body, &list); err != nil {
		return nil, unreadable("ListClusters", err)
	}
	if len(list.Clusters) > maxClusters {
		return nil, unclear("the Region has more than %d clusters, and the question names none", maxClusters)
	}
	return list.Clusters, nil
}

// exports are what the two lists of RDS say of one database or cluster.
type exports struct {
	ARN     string
	ID      string
	Cluster string // of an instance
	Engine  string
	Exports []string
}

// databases tells of exported audit logs: of the database that the question names and the cluster
// that it is part of, else of all of the Region. A cluster's exports are those of its instances.
func (s *Source) databases(ctx context.Context, scope query.Scope) (told, error) {
	if err := regional(scope); err != nil {
		return told{}, err
	}
	names := restricted(source.SubjectOf(ctx).Where, "database_instance")
	for _, n := range names {
		if !databaseForm.MatchString(n) {
			return told{}, unclear("this is no name of a database")
		}
	}
	var clusterOf map[string]string
	k, err := s.once(ctx, "databases "+at(scope), func(k *known) error {
		for _, list := range []struct{ api, members, id, arn string }{
			{"DescribeDBInstances", "DBInstances", "DBInstanceIdentifier", "DBInstanceArn"},
			{"DescribeDBClusters", "DBClusters", "DBClusterIdentifier", "DBClusterArn"},
		} {
			forms := []map[string]any{}
			err := pages(func(token string) (string, error) {
				some, next, err := s.rds(ctx, scope, list.api, token)
				for _, e := range some {
					form := map[string]any{list.id: e.ID, list.arn: e.ARN, "Engine": e.Engine, "EnabledCloudwatchLogsExports": e.Exports}
					if e.Cluster != "" && list.id != "DBClusterIdentifier" {
						form["DBClusterIdentifier"] = e.Cluster
					}
					forms = append(forms, form)
				}
				return next, err
			})
			if err != nil {
				return err
			}
			if err := s.keep(k, scope, "rds:"+list.api+" "+at(scope), map[string]any{list.members: forms}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return told{}, err
	}
	t := told{settings: k.settings, resources: names, none: "audit log"}
	if len(names) > 0 {
		clusterOf = clustersOf(k.documents[0].Body)
		for _, n := range names {
			if c := clusterOf[n]; c != "" {
				t.resources = append(t.resources, c)
			}
		}
		if !slices.ContainsFunc(k.settings, func(x coverage.Setting) bool { return slices.Contains(t.resources, x.Resource) }) {
			return told{}, unclear("RDS does not know the database now")
		}
	}
	return t, nil
}

// clustersOf are the clusters of instances, by the instance.
func clustersOf(body []byte) map[string]string {
	var d struct {
		DBInstances []struct{ DBInstanceIdentifier, DBClusterIdentifier string }
	}
	out := map[string]string{}
	if json.Unmarshal(body, &d) == nil {
		for _, i := range d.DBInstances {
			out[i.DBInstanceIdentifier] = i.DBClusterIdentifier
		}
	}
	return out
}

// rds asks for one page of a list.
func (s *Source) rds(ctx context.Context, scope query.Scope, api, marker string) (list []exports, next string, err error) {
	form := url.Values{"Action": {api}, "Version": {"2014-10-31"}, "MaxRecords": {"100"}}
	if marker != "" {
		form.Set("Marker", marker)
	}
	body, err := s.opt.Conn.Send(ctx, awsconn.Target{Service: "rds", API: "rds:" + api, Account: scope.Account, Region: scope.Region}, awsconn.Raw{
		Method: http.MethodPost, Path: "/", Body: []byte(form.Encode()), Header: http.Header{"Content-Type": {"application/x-www-form-urlencoded; charset=utf-8"}},
	})
	if err != nil {
		return nil, "", err
	}
	// Lists that lie one in another, of which the outer one must be there (Amazon RDS API Reference).
	type database struct {
		InstanceID  string   `xml:"DBInstanceIdentifier"`
		InstanceARN string   `xml:"DBInstanceArn"`
		ClusterID   string   `xml:"DBClusterIdentifier"`
		ClusterARN  string   `xml:"DBClusterArn"`
		Engine      string   `xml:"Engine"`
		Exports     []string `xml:"EnabledCloudwatchLogsExports>member"`
	}
	type databases struct {
		Instances []database `xml:"DBInstance"`
		Clusters  []database `xml:"DBCluster"`
	}
	type result struct {
		Instances *databases `xml:"DBInstances"`
		Clusters  *databases `xml:"DBClusters"`
		Marker    string     `xml:"Marker"`
	}
	var out struct {
		XMLName   xml.Name
		Instances *result `xml:"DescribeDBInstancesResult"`
		Clusters  *result `xml:"DescribeDBClustersResult"`
	}
	if err := xml.NewDecoder(bytes.NewReader(body)).Decode(&out); err != nil {
		return nil, "", unreadable(api, err)
	}
	r := out.Instances
	if api == "DescribeDBClusters" {
		r = out.Clusters
	}
	if r == nil || (api == "DescribeDBInstances" && r.Instances == nil) || (api == "DescribeDBClusters" && r.Clusters == nil) {
		return nil, "", unreadable(api, errors.New("it holds no list"))
	}
	if api == "DescribeDBInstances" {
		for _, d := range r.Instances.Instances {
			list = append(list, exports{ARN: d.InstanceARN, ID: d.InstanceID, Cluster: d.ClusterID, Engine: d.Engine, Exports: d.Exports})
		}
	} else {
		for _, d := range r.Clusters.Clusters {
			list = append(list, exports{ARN: d.ClusterARN, ID: d.ClusterID, Engine: d.Engine, Exports: d.Exports})
		}
	}
	for _, e := range list {
		if e.ID == "" {
			return nil, "", unreadable(api, errors.New("a database without a name"))
		}
	}
	return list, r.Marker, nil
}

// bucket tells of the server access log of the bucket that the question names: without one there
// is nothing to tell.
func (s *Source) bucket(ctx context.Context, scope query.Scope) (told, error) {
	subject := source.SubjectOf(ctx)
	names := restricted(subject.Where, "bucket")
	if len(names) == 0 {
		return told{}, &cannotTell{evidence.NotCollectedState, evidence.WhyNotHeld, "told bucket by bucket, and the question names none"}
	}
	t := told{resources: names, none: "server access log"}
	if scope.Region == "" {
		scope.Region = subject.Region
	}
	if err := regional(scope); err != nil {
		return told{}, err
	}
	for _, name := range names {
		if !bucketForm.MatchString(name) || strings.Contains(name, "..") {
			return told{}, unclear("this is no name of a bucket")
		}
		k, err := s.once(ctx, "bucket "+at(scope)+" "+name, func(k *known) error {
			var form struct {
				Bucket         string
				LoggingEnabled *struct{ TargetBucket, TargetPrefix string }
			}
			form.Bucket = name
			_, _, err := s.opt.Conn.Do(ctx, awsconn.Target{Service: "s3", API: "s3:GetBucketLogging", Account: scope.Account, Region: scope.Region}, func(ctx context.Context, cfg aws.Config) error {
				client := s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = cfg.BaseEndpoint != nil })
				out, err := client.GetBucketLogging(ctx, &s3.GetBucketLoggingInput{Bucket: aws.String(name)})
				if err != nil {
					return err
				}
				if on := out.LoggingEnabled; on != nil {
					form.LoggingEnabled = &struct{ TargetBucket, TargetPrefix string }{aws.ToString(on.TargetBucket), aws.ToString(on.TargetPrefix)}
				}
				return nil
			})
			if err != nil {
				return err
			}
			return s.keep(k, scope, "s3:GetBucketLogging "+at(scope)+" "+name, form)
		})
		if err != nil {
			return told{}, err
		}
		t.settings = append(t.settings, k.settings...)
	}
	return t, nil
}
