package access

import (
	"fmt"
	"strings"
)

// SplunkCapabilities are what the role behind the token needs: to search. Everything else that a
// role can do (schedule, delete, write indexes, run scripts) it must not have.
func SplunkCapabilities() []string { return []string{"search"} }

// SplunkRole is a role for authorize.conf that may search the named indexes and nothing else.
func SplunkRole(indexes []string) string {
	if len(indexes) == 0 {
		indexes = []string{"INDEX"}
	}
	list := strings.Join(indexes, ";")
	var b strings.Builder
	fmt.Fprintf(&b, "# authorize.conf: imports no other role, searches these indexes only\n[role_uratori]\nimportRoles =\nsrchIndexesAllowed = %s\nsrchIndexesDefault = %s\nsrchJobsQuota = 4\nrtSrchJobsQuota = 0\nsrchDiskQuota = 500\nsrchTimeWin = 7776000\n", list, list)
	for _, c := range SplunkCapabilities() {
		fmt.Fprintf(&b, "%s = enabled\n", c)
	}
	return b.String()
}

// SlackScopes are the bot's scopes.
func SlackScopes() []string {
	return []string{"chat:write", "files:write", "im:write", "users:read", "users:read.email"}
}

// SlackManifest is the manifest of the Slack app: a bot in Socket Mode, so that nothing of ours is
// reached from outside.
func SlackManifest() string {
	var b strings.Builder
	b.WriteString(`display_information:
  name: Uratori
  description: Investigates Amazon GuardDuty findings and asks "was it you?"
features:
  bot_user:
    display_name: uratori
    always_online: false
oauth_config:
  scopes:
    bot:
`)
	for _, s := range SlackScopes() {
		fmt.Fprintf(&b, "      - %s\n", s)
	}
	b.WriteString(`settings:
  interactivity:
    is_enabled: true
  org_deploy_enabled: false
  socket_mode_enabled: true
  token_rotation_enabled: false
`)
	return b.String()
}

// JIRAPermissions are the permissions of the account in the project that holds the tickets.
func JIRAPermissions() []string {
	return []string{"ADD_COMMENTS", "BROWSE_PROJECTS", "CREATE_ATTACHMENTS", "CREATE_ISSUES", "EDIT_ISSUES", "EDIT_OWN_COMMENTS", "TRANSITION_ISSUES"}
}

// An MCPServer is a server of tools that can be used as a source, and what it needs itself: the
// program gives it no permission, whoever runs it does.
type MCPServer struct {
	Name  string
	Needs []string // IAM actions, or capabilities of its service
	Note  string
}

// MCPServers are the servers whose tools are known.
func MCPServers() []MCPServer {
	return []MCPServer{
		{
			"awslabs.cloudtrail-mcp-server",
			[]string{"cloudtrail:DescribeQuery", "cloudtrail:GetQueryResults", "cloudtrail:ListEventDataStores", "cloudtrail:LookupEvents", "cloudtrail:StartQuery"},
			"it knows nothing of rate limits: its calls count against the same two requests a second",
		},
		{"splunk-mcp-server", []string{"mcp_tool_execute", "search"}, "its token has the audience mcp and does not work for REST; its own guard lets through rest, inputlookup and savedsearch, so the role decides"},
		{"awslabs.aws-documentation-mcp-server", nil, "reads public pages"},
	}
}
