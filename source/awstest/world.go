package awstest

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// A World is what the services know that describe accounts and what is in them: Organizations,
// the Identity Store, SSO Admin, IAM and CloudWatch Logs, held against their models, and S3 and EC2, see byhand.go.
type World struct {
	Organization string // account that may ask Organizations; "" is [Home]
	Accounts     map[string]OrgAccount
	Units        map[string]OrgUnit // by id, such as ou-ab12-11111111
	Store        string             // id of the Identity Store
	Users        map[string]StoreUser
	// PermissionSets are those of IAM Identity Center, which lies in the organisation's account.
	PermissionSets []PermissionSet
	CenterRegion   string         // of IAM Identity Center; "" is [Region]
	CenterMade     time.Time      // when it was made, and each of its sets; zero means 2024-05-01
	IAM            map[string]IAM // by account
	Buckets        map[string]Bucket
	Instances      map[string]Instance
	// AccountBlocks are public access blocks of accounts: BlockPublicAcls, IgnorePublicAcls, BlockPublicPolicy, RestrictPublicBuckets.
	AccountBlocks map[string][4]bool
	VPCs          []VPC
	FlowLogs      []FlowLog
	QueryLogs     []QueryLog
	Clusters      []Cluster
	Databases     []Database
	LogGroups     []LogGroup
	PageSize      int // of lists; 0 means 2, so that most of them have several pages
}

// An OrgAccount is an account of the organisation.
type OrgAccount struct {
	Name, State, Parent string // Parent is the id of a unit, or of the root
	Joined              time.Time
	Tags                [][2]string
}

// An OrgUnit is an organisational unit.
type OrgUnit struct{ Name, Parent string }

// A StoreUser is a user of the Identity Store, by id.
type StoreUser struct {
	UserName, DisplayName, Email, Title, Type, Status string
	Issuer, ExternalID                                string
}

// IAM is what IAM knows in one account.
type IAM struct {
	Users map[string]IAMUser
	Roles map[string]IAMRole
	// Groups are policies by group: ARNs of attached ones, names of inline ones.
	Groups map[string]Policies
}

// Policies are ARNs of attached policies and names of inline ones.
type Policies struct{ Attached, Inline []string }

// An IAMUser is a user with its keys.
type IAMUser struct {
	Policies
	Path     string // "" is "/"
	Created  time.Time
	Tags     [][2]string
	Groups   []string
	Keys     []AccessKey
	Boundary string
}

// An AccessKey is a key of a user.
type AccessKey struct {
	ID, Status      string
	Created         time.Time
	Used            time.Time // zero: never
	Service, Region string
}

// An IAMRole is a role.
type IAMRole struct {
	Policies
	Path     string
	Created  time.Time
	Used     time.Time
	Tags     [][2]string
	Boundary string
}

// Serve lets the server answer from a world. Its services are those among the server's that the
// world tells of, and S3 and EC2.
func (s *Server) Serve(w World) {
	if w.Organization == "" {
		w.Organization = Home
	}
	if w.PageSize == 0 {
		w.PageSize = 2
	}
	if w.CenterRegion == "" {
		w.CenterRegion = Region
	}
	if w.CenterMade.IsZero() {
		w.CenterMade = time.Date(2024, 5, 1, 0, 0, 0, 0, time.UTC)
	}
	for service, handlers := range map[string]map[string]Handler{
		"organizations": {
			"DescribeAccount": w.describeAccount, "ListTagsForResource": w.accountTags, "ListParents": w.parents,
			"DescribeOrganizationalUnit": w.describeUnit,
		},
		"logs":          {"DescribeLogGroups": w.logGroups},
		"identitystore": {"DescribeUser": w.describeUser, "GetUserId": w.userID},
		"sso-admin":     w.center(),
		"iam": {
			"GetAccessKeyLastUsed": w.keyLastUsed, "ListAccessKeys": w.keys, "GetUser": w.getUser, "GetRole": w.getRole,
			"ListAttachedUserPolicies": w.policies("UserName", true), "ListUserPolicies": w.policies("UserName", false),
			"ListAttachedRolePolicies": w.policies("RoleName", true), "ListRolePolicies": w.policies("RoleName", false),
			"ListAttachedGroupPolicies": w.policies("GroupName", true), "ListGroupPolicies": w.policies("GroupName", false),
			"ListGroupsForUser": w.groups,
		},
	} {
		if s.models[service] == nil {
			continue
		}
		for op, h := range handlers {
			s.Handle(service, op, h)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.world = &w
}

// page is a slice of a list, and the token of the next; ok is false for a token that no page gave.
func page[T any](list []T, size int, token string) (some []T, next *string, ok bool) {
	from := 0
	if token != "" {
		var err error
		if from, err = strconv.Atoi(strings.TrimPrefix(token, "page-")); err != nil || from <= 0 || from >= len(list) {
			return nil, nil, false
		}
	}
	to := min(len(list), from+size)
	if to < len(list) {
		t := "page-" + strconv.Itoa(to)
		next = &t
	}
	return list[from:to], next, true
}

// mayOrganize refuses everybody but the organisation's account.
func (w World) mayOrganize(req Request) error {
	if req.Account != w.Organization {
		return &Error{Code: "AccessDeniedException", Message: "You don't have permissions to access this resource."}
	}
	return nil
}

func (w World) describeAccount(req Request) (any, error) {
	if err := w.mayOrganize(req); err != nil {
		return nil, err
	}
	id := req.Text("AccountId")
	a, ok := w.Accounts[id]
	if !ok {
		return nil, &Error{Code: "AccountNotFoundException", Message: "You specified an account that doesn't exist."}
	}
	return map[string]any{"Account": map[string]any{
		"Id": id, "Arn": "arn:aws:organizations::" + w.Organization + ":account/o-exampleorg1/" + id, "Name": a.Name,
		"Email": "aws+" + id + "@example.co.jp", "Status": "ACTIVE", "State": a.State, "JoinedMethod": "CREATED", "JoinedTimestamp": a.Joined,
	}}, nil
}

func (w World) accountTags(req Request) (any, error) {
	if err := w.mayOrganize(req); err != nil {
		return nil, err
	}
	a, ok := w.Accounts[req.Text("ResourceId")]
	if !ok {
		return nil, &Error{Code: "TargetNotFoundException", Message: "We can't find a target"}
	}
	some, next, ok := page(a.Tags, w.PageSize, req.Text("NextToken"))
	if !ok {
		return nil, &Error{Code: "InvalidInputException", Message: "INVALID_PAGINATION_TOKEN"}
	}
	return map[string]any{"Tags": pairs(some), "NextToken": next}, nil
}

func pairs(tags [][2]string) []any {
	out := []any{}
	for _, t := range tags {
		out = append(out, map[string]any{"Key": t[0], "Value": t[1]})
	}
	return out
}

func (w World) parents(req Request) (any, error) {
	if err := w.mayOrganize(req); err != nil {
		return nil, err
	}
	child := req.Text("ChildId")
	parent := w.Accounts[child].Parent
	if parent == "" {
		parent = w.Units[child].Parent
	}
	if parent == "" {
		return nil, &Error{Code: "ChildNotFoundException", Message: "We can't find an organizational unit (OU) or account"}
	}
	kind := "ORGANIZATIONAL_UNIT"
	if strings.HasPrefix(parent, "r-") {
		kind = "ROOT"
	}
	return map[string]any{"Parents": []any{map[string]any{"Id": parent, "Type": kind}}}, nil
}

func (w World) describeUnit(req Request) (any, error) {
	if err := w.mayOrganize(req); err != nil {
		return nil, err
	}
	id := req.Text("OrganizationalUnitId")
	u, ok := w.Units[id]
	if !ok {
		return nil, &Error{Code: "OrganizationalUnitNotFoundException", Message: "We can't find an OU"}
	}
	return map[string]any{"OrganizationalUnit": map[string]any{"Id": id, "Arn": "arn:aws:organizations::" + w.Organization + ":ou/o-exampleorg1/" + id, "Name": u.Name}}, nil
}

func (w World) describeUser(req Request) (any, error) {
	id := req.Text("UserId")
	u, ok := w.Users[id]
	if !ok || req.Text("IdentityStoreId") != w.Store {
		return nil, &Error{Code: "ResourceNotFoundException", Message: "USER not found."}
	}
	out := map[string]any{"IdentityStoreId": w.Store, "UserId": id, "UserName": u.UserName}
	for name, s := range map[string]string{"DisplayName": u.DisplayName, "Title": u.Title, "UserType": u.Type, "UserStatus": u.Status} {
		if s != "" {
			out[name] = s
		}
	}
	if u.Email != "" {
		out["Emails"] = []any{map[string]any{"Value": u.Email, "Type": "work", "Primary": true}}
	}
	if u.Issuer != "" {
		out["ExternalIds"] = []any{map[string]any{"Issuer": u.Issuer, "Id": u.ExternalID}}
	}
	return out, nil
}

func (w World) userID(req Request) (any, error) {
	alternate, _ := req.Input["AlternateIdentifier"].(map[string]any)
	attribute, _ := alternate["UniqueAttribute"].(map[string]any)
	for id, u := range w.Users {
		if path, _ := attribute["AttributePath"].(string); path == "userName" && attribute["AttributeValue"] == u.UserName {
			return map[string]any{"IdentityStoreId": w.Store, "UserId": id}, nil
		}
	}
	return nil, &Error{Code: "ResourceNotFoundException", Message: "USER not found."}
}

func noSuch(what string) error {
	return &Error{Code: "NoSuchEntityException", Message: what + " cannot be found."}
}

func (w World) keyLastUsed(req Request) (any, error) {
	id := req.Text("AccessKeyId")
	for name, u := range w.IAM[req.Account].Users {
		for _, k := range u.Keys {
			if k.ID != id {
				continue
			}
			used := map[string]any{"ServiceName": "N/A", "Region": "N/A"}
			if !k.Used.IsZero() {
				used = map[string]any{"LastUsedDate": k.Used, "ServiceName": k.Service, "Region": k.Region}
			}
			return map[string]any{"UserName": name, "AccessKeyLastUsed": used}, nil
		}
	}
	// IAM does not tell a key of another account from one that does not exist.
	return nil, &Error{Code: "AccessDeniedException", Message: "User: " + req.ARN + " is not authorized to perform: iam:GetAccessKeyLastUsed"}
}

func (w World) keys(req Request) (any, error) {
	name := req.Text("UserName")
	u, ok := w.IAM[req.Account].Users[name]
	if !ok {
		return nil, noSuch("The user with name " + name)
	}
	some, next, ok := page(u.Keys, w.PageSize, req.Text("Marker"))
	if !ok {
		return nil, &Error{Code: "ValidationException", Message: "Invalid Marker."}
	}
	list := []any{}
	for _, k := range some {
		list = append(list, map[string]any{"UserName": name, "AccessKeyId": k.ID, "Status": k.Status, "CreateDate": k.Created})
	}
	return map[string]any{"AccessKeyMetadata": list, "IsTruncated": next != nil, "Marker": next}, nil
}

func path(p string) string {
	if p == "" {
		return "/"
	}
	return p
}

func boundary(arn string) any {
	if arn == "" {
		return nil
	}
	return map[string]any{"PermissionsBoundaryType": "PermissionsBoundaryPolicy", "PermissionsBoundaryArn": arn}
}

func (w World) getUser(req Request) (any, error) {
	name := req.Text("UserName")
	u, ok := w.IAM[req.Account].Users[name]
	if !ok {
		return nil, noSuch("The user with name " + name)
	}
	return map[string]any{"User": map[string]any{
		"Path": path(u.Path), "UserName": name, "UserId": "AIDAEXAMPLE0000000002", "CreateDate": u.Created,
		"Arn": "arn:aws:iam::" + req.Account + ":user" + path(u.Path) + name, "Tags": pairs(u.Tags), "PermissionsBoundary": boundary(u.Boundary),
	}}, nil
}

func (w World) getRole(req Request) (any, error) {
	name := req.Text("RoleName")
	r, ok := w.IAM[req.Account].Roles[name]
	if !ok {
		return nil, noSuch("The role with name " + name)
	}
	out := map[string]any{
		"Path": path(r.Path), "RoleName": name, "RoleId": "AROAEXAMPLE0000000002", "CreateDate": r.Created, "MaxSessionDuration": 43200,
		"Arn": "arn:aws:iam::" + req.Account + ":role" + path(r.Path) + name, "Tags": pairs(r.Tags), "PermissionsBoundary": boundary(r.Boundary),
		"AssumeRolePolicyDocument": "%7B%22Version%22%3A%222012-10-17%22%2C%22Statement%22%3A%5B%5D%7D",
	}
	if !r.Used.IsZero() {
		out["RoleLastUsed"] = map[string]any{"LastUsedDate": r.Used, "Region": Region}
	}
	return map[string]any{"Role": out}, nil
}

// policies lists the policies of a user, role or group.
func (w World) policies(member string, attached bool) Handler {
	return func(req Request) (any, error) {
		name, in := req.Text(member), w.IAM[req.Account]
		var p Policies
		var ok bool
		switch member {
		case "UserName":
			u, is := in.Users[name]
			p, ok = u.Policies, is
		case "RoleName":
			r, is := in.Roles[name]
			p, ok = r.Policies, is
		default:
			p, ok = in.Groups[name]
		}
		if !ok {
			return nil, noSuch(name)
		}
		list := p.Inline
		if attached {
			list = p.Attached
		}
		some, next, ok := page(list, w.PageSize, req.Text("Marker"))
		if !ok {
			return nil, &Error{Code: "ValidationException", Message: "Invalid Marker."}
		}
		out := map[string]any{"IsTruncated": next != nil, "Marker": next}
		if !attached {
			out["PolicyNames"] = append([]string{}, some...)
			return out, nil
		}
		policies := []any{}
		for _, arn := range some {
			policies = append(policies, map[string]any{"PolicyArn": arn, "PolicyName": policyName(arn)})
		}
		out["AttachedPolicies"] = policies
		return out, nil
	}
}

func policyName(arn string) string { return arn[strings.LastIndex(arn, "/")+1:] }

func (w World) groups(req Request) (any, error) {
	name := req.Text("UserName")
	u, ok := w.IAM[req.Account].Users[name]
	if !ok {
		return nil, noSuch("The user with name " + name)
	}
	some, next, ok := page(slices.Clone(u.Groups), w.PageSize, req.Text("Marker"))
	if !ok {
		return nil, &Error{Code: "ValidationException", Message: "Invalid Marker."}
	}
	list := []any{}
	for _, g := range some {
		list = append(list, map[string]any{
			"Path": "/", "GroupName": g, "GroupId": "AGPAEXAMPLE0000000002", "Arn": "arn:aws:iam::" + req.Account + ":group/" + g, "CreateDate": u.Created,
		})
	}
	return map[string]any{"Groups": list, "IsTruncated": next != nil, "Marker": next}, nil
}
