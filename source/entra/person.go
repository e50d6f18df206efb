package entra

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"uratori/people"
	"uratori/source"
)

// userProperties are the properties of Graph's user resource that are read, and the attributes
// they tell. userType and accountEnabled are not returned unless they are selected.
var userProperties = []struct {
	property  string
	attribute people.Attribute
}{
	{"id", people.ObjectID},
	{"displayName", people.DisplayName},
	{"mail", people.Mail},
	{"userPrincipalName", ""},
	{"userType", people.UserType},
	{"accountEnabled", people.Enabled},
	{"companyName", people.Company},
	{"department", people.Department},
	{"employeeType", people.EmployeeType},
	{"employeeLeaveDateTime", people.ContractEnd},
	{"employeeHireDate", people.Hired},
	{"createdDateTime", people.Created},
	{"jobTitle", people.JobTitle},
}

// leavePermissions let an application read employeeLeaveDateTime ("user resource type").
var leavePermissions = []string{"User-LifeCycleInfo.Read.All", "User-LifeCycleInfo.ReadWrite.All"}

const refProperties = "id,displayName,mail,userPrincipalName"

// Person reads one person of the directory, by user principal name or object id, with the manager
// and the sponsors: three requests, each metered. Nobody of that name is a Person who is Missing.
// What may not be read, or did not come, stands in Unseen. The error, which wraps a sentinel of
// package source, is for a person who could not be read at all.
func (s *Source) Person(ctx context.Context, key string) (p people.Person, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("read a person from %s: %w", s.Name(), err)
		}
	}()
	segment, err := segmentOf(key)
	if err != nil {
		return p, err
	}
	p = people.Person{Source: s.Name(), Unseen: map[people.Attribute]people.Why{}}
	found, err := s.user(ctx, segment, &p)
	if err != nil {
		return people.Person{}, err
	}
	if !found {
		missing := people.Person{Source: s.Name(), Missing: true}
		if guid.MatchString(key) {
			missing.ObjectID = key
		} else {
			missing.UPN = people.Fold(key)
		}
		return missing, nil
	}
	if guid.MatchString(p.ObjectID) {
		segment = "/" + p.ObjectID // which stays the same whatever the name becomes meanwhile
	}
	if err := s.manager(ctx, segment, &p); err != nil {
		return people.Person{}, err
	}
	if err := s.sponsors(ctx, segment, &p); err != nil {
		return people.Person{}, err
	}
	return p, nil
}

var guid = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)

// segmentOf is a key as it stands in a path. A name that begins with $ is written in brackets
// ("Get a user").
func segmentOf(key string) (string, error) {
	at := strings.IndexByte(key, '@')
	named := at > 0 && at < len(key)-1 && strings.Count(key, "@") == 1 && len(key) <= 320 && utf8.ValidString(key)
	if !named && !guid.MatchString(key) || strings.ContainsFunc(key, func(r rune) bool {
		return !unicode.IsPrint(r) || strings.ContainsRune(` /\?%&=+"`, r)
	}) {
		return "", fmt.Errorf("%s: the person's name is neither a user principal name nor an object id: %w", APIUsers, source.ErrInvalid)
	}
	if strings.HasPrefix(key, "$") {
		return "('" + url.PathEscape(strings.ReplaceAll(key, "'", "''")) + "')", nil
	}
	return "/" + url.PathEscape(key), nil
}

// object reads one object below users. found is false where Graph says that it does not exist.
func (s *Source) object(ctx context.Context, path, sel string, into any) (found bool, err error) {
	address := s.opt.Endpoint + "/v1.0/users" + path + "?$select=" + url.QueryEscape(sel)
	var kept []byte
	_, err = s.graph.get(ctx, APIUsers, address, func(body []byte) (int64, error) {
		kept = body
		if err := json.Unmarshal(body, into); err != nil {
			return 0, errors.New("a property of the answer has another type than documented")
		}
		return 1, nil
	})
	if r := refusalIn(err); r != nil && r.status == http.StatusNotFound && r.code == "Request_ResourceNotFound" {
		return false, nil
	}
	if err == nil {
		source.Witness(ctx, source.Document{Source: s.Name(), Name: APIUsers + " " + strings.TrimPrefix(address, s.opt.Endpoint), Body: kept})
	}
	return err == nil, err
}

// user reads the user's own properties.
func (s *Source) user(ctx context.Context, segment string, p *people.Person) (found bool, err error) {
	leave := true
	tok, _, err := s.graph.authorize(ctx)
	if err != nil {
		return false, err
	}
	if roles, ok := rolesOf(tok); ok {
		leave = slices.ContainsFunc(roles, func(r string) bool { return slices.Contains(leavePermissions, r) })
	}
	var raw map[string]json.RawMessage
	found, err = s.object(ctx, segment, selected(leave), &raw)
	if leave && errors.Is(err, source.ErrDenied) { // it may be that property alone
		leave = false
		found, err = s.object(ctx, segment, selected(leave), &raw)
	}
	if err != nil || !found {
		return found, err
	}
	var kind *string
	var enabled *bool
	into := map[string]any{
		"id": &p.ObjectID, "displayName": &p.DisplayName, "mail": &p.Mail, "userPrincipalName": &p.UPN, "userType": &kind, "accountEnabled": &enabled,
		"companyName": &p.Company, "department": &p.Department, "employeeType": &p.EmployeeType, "employeeLeaveDateTime": &p.Leaves,
		"employeeHireDate": &p.Hired, "createdDateTime": &p.Created, "jobTitle": &p.JobTitle,
	}
	for _, u := range userProperties {
		v, ok := raw[u.property]
		switch {
		case u.attribute == people.ContractEnd && !leave:
			p.Unseen[u.attribute] = people.Forbidden
		case !ok && u.attribute != "":
			p.Unseen[u.attribute] = people.NoAnswer
		case ok && json.Unmarshal(v, into[u.property]) != nil:
			return false, &refusal{api: APIUsers, status: http.StatusOK, message: u.property + " has another type than documented", kind: source.ErrUnavailable}
		}
	}
	// An account is enabled or not: null says that Graph does not tell.
	if enabled != nil {
		p.Enabled = *enabled
	} else if p.Sees(people.Enabled) {
		p.Unseen[people.Enabled] = people.NoAnswer
	}
	if kind != nil {
		p.Guest = strings.EqualFold(*kind, "Guest")
	} else if p.Sees(people.UserType) {
		p.Unseen[people.UserType] = people.NoAnswer // null for accounts older than the property
	}
	p.UPN = people.Fold(p.UPN)
	for _, t := range []*time.Time{&p.Leaves, &p.Hired, &p.Created} {
		*t = t.UTC().Truncate(time.Microsecond)
	}
	return true, nil
}

func selected(leave bool) string {
	var names []string
	for _, u := range userProperties {
		if u.attribute != people.ContractEnd || leave {
			names = append(names, u.property)
		}
	}
	return strings.Join(names, ",")
}

// A wireRef is another directory object, as Graph writes it.
type wireRef struct {
	ID          string `json:"id"`
	UPN         string `json:"userPrincipalName"`
	DisplayName string `json:"displayName"`
	Mail        string `json:"mail"`
}

func (w wireRef) ref() people.Ref {
	return people.Ref{UPN: people.Fold(w.UPN), ObjectID: w.ID, DisplayName: w.DisplayName, Mail: w.Mail}
}

func (s *Source) manager(ctx context.Context, segment string, p *people.Person) error {
	var w wireRef
	found, err := s.object(ctx, segment+"/manager", refProperties, &w)
	if found {
		ref := w.ref()
		p.Manager = &ref
	}
	return unseen(ctx, p, people.Manager, err)
}

func (s *Source) sponsors(ctx context.Context, segment string, p *people.Person) error {
	var list struct {
		Value *[]wireRef `json:"value"`
		Next  string     `json:"@odata.nextLink"`
	}
	found, err := s.object(ctx, segment+"/sponsors", refProperties, &list)
	if found && list.Value != nil {
		for _, w := range *list.Value {
			p.Sponsors = append(p.Sponsors, w.ref())
		}
		people.SortRefs(p.Sponsors)
	}
	if found && (list.Value == nil || list.Next != "") { // a user has five at most ("List sponsors")
		p.Unseen[people.Sponsors] = people.NoAnswer
	}
	return unseen(ctx, p, people.Sponsors, err)
}

// unseen notes that an attribute did not come. Only the end of ctx ends the reading.
func unseen(ctx context.Context, p *people.Person, a people.Attribute, err error) error {
	switch {
	case err == nil:
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.Is(err, source.ErrDenied):
		p.Unseen[a] = people.Forbidden
	default:
		p.Unseen[a] = people.NoAnswer
	}
	return nil
}
