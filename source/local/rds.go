package local

import (
	"errors"
	"regexp"
	"strings"
)

// The text forms of database audits. Aurora MySQL's advanced auditing and the MariaDB audit plugin
// write timestamp, serverhost, username, host, connectionid, queryid, operation, database, object,
// retcode (Amazon Aurora User Guide, "Using Advanced Auditing with an Amazon Aurora MySQL DB cluster";
// MariaDB, "Audit Plugin Log Format"). The object is SQL that may hold commas, so a line is read from
// both its ends. pgaudit writes into PostgreSQL's log, whose lines begin as Amazon RDS sets
// log_line_prefix: %t:%r:%u@%d:[%p]:

var (
	errAudit = errors.New("is no line of a database audit")
	errZone  = errors.New("has a time in a zone that is not UTC")
)

var (
	mysqlAudit = regexp.MustCompile(`(?s)^(\d{16}|\d{8} [ \d]\d:\d{2}:\d{2}),([^,]*),([^,]*),([^,]*),(\d+),(\d+),([A-Z_]+),([^,]*),(.*)$`)
	mysqlStart = regexp.MustCompile(`^(?:\d{16}|\d{8} [ \d]\d:\d{2}:\d{2}),[^,]*,[^,]*,[^,]*,\d+,\d+,[A-Z_]+,`)
	pgLine     = regexp.MustCompile(`(?s)^(\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}(?:\.\d+)?) ([A-Za-z0-9+:-]+?):([^:]*|\[local\]|[0-9a-fA-F:.]+\(\d+\)):([^@]*)@([^:]*):\[(\d+)\]:([A-Z]+): +(.*)$`)
	pgAudit    = "AUDIT: "
)

// rdsLine is the object of a line. known is false for a line of the database's log that is no audit.
func rdsLine(line string) (obj map[string]any, known bool, err error) {
	if m := mysqlAudit.FindStringSubmatch(line); m != nil {
		object, code := m[9], ""
		if i := strings.LastIndexByte(object, ','); i >= 0 && (allDigits(object[i+1:]) || object[i+1:] == "") {
			object, code = object[:i], object[i+1:]
		} else if m[7] != "CONNECT" && m[7] != "DISCONNECT" && m[7] != "FAILED_CONNECT" {
			return nil, true, errCut
		} else if allDigits(object) {
			object, code = "", object
		}
		if n := len(object); n > 1 && object[0] == '\'' && object[n-1] == '\'' {
			object = object[1 : n-1]
		}
		return map[string]any{
			"time": m[1], "server_host": m[2], "user": m[3], "host": m[4], "connection": m[5], "query": m[6], "operation": m[7], "database": m[8],
			"object": redactSQL(object), "return_code": code,
		}, true, nil
	}
	m := pgLine.FindStringSubmatch(line)
	if m == nil {
		return nil, false, errAudit
	}
	host, _, _ := strings.Cut(m[3], "(")
	message, ok := strings.CutPrefix(m[8], pgAudit)
	operation, code := pgLogin(m[7], m[8])
	switch {
	case operation == "" && (!ok || m[7] != "LOG"):
		return nil, true, nil
	case m[2] != "UTC" && m[2] != "GMT":
		return nil, true, errZone
	case operation != "":
		return map[string]any{"time": m[1], "host": host, "user": m[4], "database": m[5], "connection": m[6], "operation": operation, "return_code": code}, true, nil
	}
	// AUDIT: type, statement id, substatement id, class, command, object type, object name, statement, parameters
	f := pgFields(message)
	if len(f) < 8 {
		return nil, true, errCut
	}
	obj = map[string]any{
		"time": m[1], "host": host, "user": m[4], "database": m[5], "connection": m[6], "operation": f[4], "audit_type": f[0], "statement": f[1], "substatement": f[2],
		"class": f[3], "object_type": f[5], "object_name": f[6], "object": redactSQL(f[7]),
	}
	if len(f) > 8 {
		obj["parameters"] = redacted(f[8])
		if f[8] == "<not logged>" || f[8] == "<none>" {
			obj["parameters"] = f[8]
		}
	}
	return obj, true, nil
}

// pgLogin tells of a line of PostgreSQL's log whether it is of a login: pgaudit does not write
// those, log_connections does, and a refusal is logged whatever the settings (PostgreSQL
// documentation, "Error Reporting and Logging"). They get the names of Aurora MySQL's auditing.
func pgLogin(level, message string) (operation, code string) {
	switch {
	case level == "LOG" && strings.HasPrefix(message, "connection authorized:"):
		return "CONNECT", "0"
	case level == "LOG" && strings.HasPrefix(message, "disconnection:"):
		return "DISCONNECT", "0"
	case level == "FATAL" && (strings.Contains(message, "authentication failed for user") || strings.HasPrefix(message, "no pg_hba.conf entry")):
		return "FAILED_CONNECT", ""
	}
	return "", ""
}

// pgFields splits CSV in which a quote is doubled.
func pgFields(s string) (out []string) {
	for {
		if strings.HasPrefix(s, `"`) {
			var b strings.Builder
			i := 1
			for ; i < len(s); i++ {
				if s[i] == '"' {
					if i+1 < len(s) && s[i+1] == '"' {
						i++
					} else {
						break
					}
				}
				b.WriteByte(s[i])
			}
			if i >= len(s) {
				return nil // no end
			}
			out, s = append(out, b.String()), s[i+1:]
		} else {
			end := strings.IndexByte(s, ',')
			if end < 0 {
				return append(out, s)
			}
			out, s = append(out, s[:end]), s[end:]
		}
		if s == "" {
			return out
		}
		if s[0] != ',' {
			return nil
		}
		s = s[1:]
	}
}

var sqlSecret = regexp.MustCompile(`(?i)\b(?:identified|password)\b[^'"]*['"]`)

// redactSQL hides what a statement quotes after it speaks of a password.
func redactSQL(s string) string {
	at := sqlSecret.FindStringIndex(s)
	if len(at) == 0 || strings.HasPrefix(s[at[1]:], redactedBy) {
		return s
	}
	return s[:at[1]] + redacted(s[at[1]:])
}
