package graphtest

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// readUsers are the permissions that let an application read users, managers and sponsors ("Get a
// user", "List manager", "List sponsors").
var readUsers = []string{"User.Read.All", "Directory.Read.All", "User.ReadWrite.All", "Directory.ReadWrite.All"}

func anyOf(roles, of []string) bool {
	return slices.ContainsFunc(roles, func(r string) bool { return slices.Contains(of, r) })
}

// user answers users/{id or name}, and below it manager and sponsors.
func (s *Server) user(w http.ResponseWriter, r *http.Request, path string, roles []string) {
	if !anyOf(roles, readUsers) {
		fail(w, http.StatusForbidden, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")
		return
	}
	rest, ok := strings.CutPrefix(path, "users")
	rest = strings.TrimPrefix(rest, "/")
	key, below, _ := strings.Cut(rest, "/")
	if inner, quoted := strings.CutPrefix(key, "('"); quoted { // users('$name')
		key = strings.ReplaceAll(strings.TrimSuffix(inner, "')"), "''", "'")
	}
	key, err := url.PathUnescape(key)
	if !ok || err != nil || key == "" || strings.HasPrefix(key, "$") && !strings.Contains(rest, "('") {
		fail(w, http.StatusBadRequest, "Request_BadRequest", "Invalid object identifier.")
		return
	}
	u, found := s.find(key)
	if !found {
		fail(w, http.StatusNotFound, "Request_ResourceNotFound", "Resource '"+key+"' does not exist or one of its queried reference-property objects are not present.")
		return
	}
	selected := strings.Split(r.URL.Query().Get("$select"), ",")
	switch below {
	case "":
		shown := pick(u, selected)
		if slices.Contains(selected, "employeeLeaveDateTime") && !anyOf(roles, []string{"User-LifeCycleInfo.Read.All", "User-LifeCycleInfo.ReadWrite.All"}) {
			fail(w, http.StatusForbidden, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")
			return
		}
		writeJSON(w, http.StatusOK, shown)
	case "manager":
		m, ok := s.find(u.Manager)
		if !ok {
			fail(w, http.StatusNotFound, "Request_ResourceNotFound", "Resource 'manager' does not exist or one of its queried reference-property objects are not present.")
			return
		}
		writeJSON(w, http.StatusOK, pick(m, selected))
	case "sponsors":
		list := []any{}
		for _, id := range u.Sponsors {
			if sp, ok := s.find(id); ok {
				list = append(list, pick(sp, selected))
			}
		}
		writeJSON(w, http.StatusOK, map[string]any{"value": list})
	default:
		fail(w, http.StatusBadRequest, "BadRequest", "Resource not found for the segment.")
	}
}

func (s *Server) find(key string) (User, bool) {
	for _, u := range s.opt.Users {
		id, _ := u.Properties["id"].(string)
		upn, _ := u.Properties["userPrincipalName"].(string)
		if key != "" && (id == key || strings.EqualFold(upn, key)) {
			return u, true
		}
	}
	return User{}, false
}

// pick are the selected properties; those without a value are null.
func pick(u User, selected []string) map[string]any {
	out := map[string]any{"@odata.type": "#microsoft.graph.user"}
	for _, name := range selected {
		if name != "" {
			out[name] = u.Properties[name]
		}
	}
	return out
}

// application answers applications(appId='...').
func (s *Server) application(w http.ResponseWriter, path string, roles []string) {
	name, err := url.PathUnescape(path)
	switch {
	case !anyOf(roles, []string{"Application.Read.All", "Directory.Read.All"}):
		fail(w, http.StatusForbidden, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")
	case err != nil || name != "applications(appId='"+s.opt.ClientID+"')":
		fail(w, http.StatusNotFound, "Request_ResourceNotFound", "Resource does not exist.")
	default:
		var ends any
		if !s.opt.SecretExpires.IsZero() {
			ends = s.opt.SecretExpires.UTC().Format(time.RFC3339)
		}
		writeJSON(w, http.StatusOK, map[string]any{"passwordCredentials": []any{map[string]any{
			"keyId": "a0000000-0000-4000-a000-000000000001", "displayName": "uratori", "hint": s.opt.Secret[:3], "endDateTime": ends, "secretText": nil,
		}}})
	}
}
