package awslookup

import (
	"context"
	"encoding/xml"
	"errors"
	"net/http"
	"regexp"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"uratori/evidence"
	"uratori/source/awsconn"
)

// bucketForm is the form of general purpose buckets, also of old ones in us-east-1 (Amazon S3 User
// Guide, "General purpose buckets naming rules").
var (
	bucketForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{1,253}[A-Za-z0-9]$`)
	regionForm = regexp.MustCompile(`^[a-z]{2,3}(-[a-z]+)+-[0-9]{1,2}$`)
)

// everyone are the groups that an ACL names for everybody (Amazon S3 User Guide, "Access control
// list (ACL) overview").
var everyone = map[string]string{
	"http://acs.amazonaws.com/groups/global/AllUsers":           "AllUsers",
	"http://acs.amazonaws.com/groups/global/AuthenticatedUsers": "AuthenticatedUsers",
}

// bucket tells the settings of a bucket that decide who reaches it and what is recorded.
func (k *looking) bucket() error {
	name := k.what.Key
	if !bucketForm.MatchString(name) || strings.Contains(name, "..") {
		return unknowable("this is no name of a bucket")
	}
	b := &evidence.LookedBucket{Name: name}
	bucket := aws.String(name)
	at := func(api, as string, absent ...string) ask {
		return ask{api: api, as: "s3api " + as + " --bucket " + name, region: k.what.Region, owner: k.what.Account, absent: absent}
	}
	locate := func() error {
		return k.main(at("s3:GetBucketLocation", "get-bucket-location", "NoSuchBucket"), func(ctx context.Context, cfg aws.Config) error {
			out, err := client(cfg).GetBucketLocation(ctx, &s3.GetBucketLocationInput{Bucket: bucket})
			if err != nil {
				return err
			}
			switch where := string(out.LocationConstraint); where {
			case "":
				b.Region = "us-east-1"
			case "EU":
				b.Region = "eu-west-1"
			default:
				b.Region = where
			}
			if !regionForm.MatchString(b.Region) {
				return missing("the bucket's Region")
			}
			return nil
		})
	}
	err := locate()
	if where := elsewhere(err); where != "" && where != k.what.Region {
		k.what.Region = where
		err = locate()
	}
	if err != nil {
		return err
	}
	k.what.Region = b.Region
	k.body.Bucket = b
	for _, part := range []struct {
		ask
		do func(ctx context.Context, c *s3.Client) error
	}{
		{at("s3:GetBucketPublicAccessBlock", "get-public-access-block", "NoSuchPublicAccessBlockConfiguration"), func(ctx context.Context, c *s3.Client) error {
			in := &s3.GetPublicAccessBlockInput{Bucket: bucket}
			if k.what.Account != "" { // the account's block counts for its own buckets alone
				in.ExpectedBucketOwner = aws.String(k.what.Account)
			}
			out, err := c.GetPublicAccessBlock(ctx, in)
			if err != nil {
				return err
			}
			p := out.PublicAccessBlockConfiguration
			if p == nil {
				return missing("the public access block")
			}
			b.Block = &evidence.BlockPublic{
				BlockACLs: aws.ToBool(p.BlockPublicAcls), BlockPolicy: aws.ToBool(p.BlockPublicPolicy),
				IgnoreACLs: aws.ToBool(p.IgnorePublicAcls), RestrictBuckets: aws.ToBool(p.RestrictPublicBuckets),
			}
			return nil
		}},
		{at("s3:GetBucketPolicyStatus", "get-bucket-policy-status", "NoSuchBucketPolicy"), func(ctx context.Context, c *s3.Client) error {
			out, err := c.GetBucketPolicyStatus(ctx, &s3.GetBucketPolicyStatusInput{Bucket: bucket})
			if err != nil {
				return err
			}
			if out.PolicyStatus == nil || out.PolicyStatus.IsPublic == nil {
				return missing("whether the policy is public")
			}
			b.PolicyPublic = out.PolicyStatus.IsPublic
			return nil
		}},
		{at("s3:GetBucketAcl", "get-bucket-acl"), func(ctx context.Context, c *s3.Client) error {
			out, err := c.GetBucketAcl(ctx, &s3.GetBucketAclInput{Bucket: bucket})
			if err != nil {
				return err
			}
			if out.Owner == nil {
				return missing("the bucket's owner")
			}
			b.PublicGrants = nil
			for _, g := range out.Grants {
				if g.Grantee == nil || g.Grantee.Type != s3types.TypeGroup {
					continue
				}
				if group := everyone[aws.ToString(g.Grantee.URI)]; group != "" {
					b.PublicGrants = append(b.PublicGrants, group+" "+string(g.Permission))
				}
			}
			b.PublicGrants = unique(b.PublicGrants)
			return nil
		}},
		{at("s3:GetBucketTagging", "get-bucket-tagging", "NoSuchTagSet"), func(ctx context.Context, c *s3.Client) error {
			out, err := c.GetBucketTagging(ctx, &s3.GetBucketTaggingInput{Bucket: bucket})
			if err != nil {
				return err
			}
			b.Tags = nil
			for _, t := range out.TagSet {
				b.Tags = append(b.Tags, evidence.Tag{Key: aws.ToString(t.Key), Value: aws.ToString(t.Value)})
			}
			sortTags(b.Tags)
			return nil
		}},
		{at("s3:GetBucketVersioning", "get-bucket-versioning"), func(ctx context.Context, c *s3.Client) error {
			out, err := c.GetBucketVersioning(ctx, &s3.GetBucketVersioningInput{Bucket: bucket})
			if err != nil {
				return err
			}
			b.Versioning = string(out.Status)
			return nil
		}},
		{at("s3:GetBucketLogging", "get-bucket-logging"), func(ctx context.Context, c *s3.Client) error {
			out, err := c.GetBucketLogging(ctx, &s3.GetBucketLoggingInput{Bucket: bucket})
			if err != nil {
				return err
			}
			if on := out.LoggingEnabled; on != nil {
				if aws.ToString(on.TargetBucket) == "" {
					return missing("where the access logs go")
				}
				b.LogBucket, b.LogPrefix = aws.ToString(on.TargetBucket), aws.ToString(on.TargetPrefix)
			}
			return nil
		}},
	} {
		if _, err := k.part(part.ask, func(ctx context.Context, cfg aws.Config) error { return part.do(ctx, client(cfg)) }); err != nil {
			return err
		}
	}
	return k.accountBlock()
}

// accountBlock tells of the block of the account that owns the bucket, which counts beside the
// bucket's own (Amazon S3 User Guide, "Blocking public access to your Amazon S3 storage"). What the
// organisation sets for its accounts is in it.
func (k *looking) accountBlock() error {
	const api = "s3:GetAccountPublicAccessBlock"
	account := k.what.Account
	if own := k.parts["s3:GetBucketPublicAccessBlock"]; account == "" || own.Outcome != evidence.Found && own.Outcome != evidence.Empty {
		k.note(evidence.Part{Name: api, Outcome: evidence.Denied, Reason: "which account owns the bucket is not proven"})
		return nil
	}
	target := awsconn.Target{Service: "s3-control"}
	_, err := k.part(ask{
		api: api, as: "s3control get-public-access-block --account-id " + account, service: target.Service, region: k.what.Region, owner: account, absent: []string{"NoSuchPublicAccessBlockConfiguration"},
	}, func(ctx context.Context, cfg aws.Config) error {
		body, err := k.opt.Conn.SendOnce(ctx, target, cfg, awsconn.Raw{
			Method: http.MethodGet, Path: "/v20180820/configuration/publicAccessBlock", Header: http.Header{"X-Amz-Account-Id": {account}}, Prefix: account + ".", Signing: "s3",
		})
		if err != nil {
			return err
		}
		var out struct {
			XMLName                                                                     xml.Name `xml:"PublicAccessBlockConfiguration"`
			BlockPublicAcls, BlockPublicPolicy, IgnorePublicAcls, RestrictPublicBuckets bool
		}
		if err := xml.Unmarshal(body, &out); err != nil {
			return missing("the account's public access block")
		}
		k.body.Bucket.AccountBlock = &evidence.BlockPublic{
			BlockACLs: out.BlockPublicAcls, BlockPolicy: out.BlockPublicPolicy, IgnoreACLs: out.IgnorePublicAcls, RestrictBuckets: out.RestrictPublicBuckets,
		}
		return nil
	})
	return err
}

// client is a client of S3.
func client(cfg aws.Config) *s3.Client {
	return s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = cfg.BaseEndpoint != nil })
}

// elsewhere is the Region that S3 sends a caller to.
func elsewhere(err error) string {
	var r *smithyhttp.ResponseError
	if !errors.As(err, &r) || r.Response == nil || r.HTTPStatusCode() < 300 {
		return ""
	}
	if where := r.Response.Header.Get("X-Amz-Bucket-Region"); regionForm.MatchString(where) {
		return where
	}
	return ""
}
