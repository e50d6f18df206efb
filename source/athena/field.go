package athena

import (
	"fmt"
	"strings"

	"uratori/query"
)

const epoch = "TIMESTAMP '1970-01-01 00:00:00 UTC'"

// asText is what stands at a path of the record, as text: a truth value or a number as the record
// writes it, an object or a list as JSON. Missing and JSON's null are NULL.
func (t *table) asText(path string) string {
	l, below, _ := t.find(path)
	if below != "" {
		col, p := coalesce(places(l.columns)), jsonPath(below)
		return fmt.Sprintf("coalesce(json_extract_scalar(%s, %s), nullif(json_format(json_extract(%s, %s)), 'null'))", col, p, col, p)
	}
	return t.leafText(l)
}

// scalar is asText for the fields of the schema: an object is no value of theirs.
func (t *table) scalar(path string) string {
	l, below, _ := t.find(path)
	if below == "" {
		return t.leafText(l)
	}
	col, p := coalesce(places(l.columns)), jsonPath(below)
	return fmt.Sprintf("coalesce(json_extract_scalar(%s, %s), CASE WHEN json_array_length(json_extract(%s, %s)) IS NOT NULL THEN json_format(json_extract(%s, %s)) END)",
		col, p, col, p, col, p)
}

// leafText is a whole leaf as text.
func (t *table) leafText(l leaf) string {
	var out []string
	for _, c := range l.columns {
		p := place(c)
		switch h := t.typeOf(c); {
		case h.name == "boolean":
			out = append(out, fmt.Sprintf("CASE WHEN %s THEN 'true' WHEN NOT %s THEN 'false' END", p, p))
		case isText(h):
			out = append(out, p)
		default:
			out = append(out, "CAST("+p+" AS varchar)")
		}
	}
	return coalesce(out)
}

// textual tells whether the leaf's columns are all text.
func (t *table) textual(l leaf) bool {
	for _, c := range l.columns {
		if h := t.typeOf(c); !isText(h) && h.name != "boolean" {
			return false
		}
	}
	return true
}

func isText(h *hive) bool {
	return h.name == "string" || h.name == "varchar" || h.name == "char" || strings.HasPrefix(h.name, "varchar(")
}

// micros is a leaf that holds a time, as microseconds since 1970 UTC.
func (t *table) micros(path string) string {
	l, _, _ := t.find(path)
	var out []string
	for _, c := range l.columns {
		p := place(c)
		switch h := t.typeOf(c); {
		case h.name == "bigint" || h.name == "int" || h.name == "long":
			out = append(out, p+" * 1000")
		case strings.HasSuffix(h.name, "with time zone"):
			out = append(out, fmt.Sprintf("date_diff('millisecond', %s, %s) * 1000", epoch, p))
		case strings.HasPrefix(h.name, "timestamp"):
			out = append(out, fmt.Sprintf("date_diff('millisecond', TIMESTAMP '1970-01-01 00:00:00', %s) * 1000", p))
		default:
			out = append(out, fmt.Sprintf("date_diff('millisecond', %s, TRY(from_iso8601_timestamp(%s))) * 1000", epoch, p))
		}
	}
	return coalesce(out)
}

func places(columns []string) []string {
	out := make([]string, len(columns))
	for i, c := range columns {
		out[i] = place(c)
	}
	return out
}

// Expressions over a text x. Each says in SQL what package query says in Go; the tests hold one
// against the other.
const (
	// The name without the version at its end, see [query.API].
	apiSQL = `regexp_replace(%s, '(?s)^(.+)(20[0-9]{6}(v[0-9]+)?|[0-9]{4}_[0-9]{2}_[0-9]{2})\z', '$1')`
	// The code without the prefix that some services give it, see [query.Denied].
	codeSQL = `regexp_replace(%s, '(?s)^.*\.', '')`
	// The name of a session in an assumed role's ARN, see [query.SessionName].
	sessionSQL = `regexp_extract(%s, '(?s)^arn(:.*?)??:assumed-role/[^/]*/(.+)\z', 2)`
	// What comes after the last slash.
	lastSQL = `regexp_replace(%s, '(?s)^.*/', '')`
	// An address without its brackets, port and zone, see [query.Addr].
	addressSQL = `TRY_CAST(coalesce(regexp_extract(%[1]s, '^\s*([0-9.]+)(:[0-9]+)?\s*\z', 1), regexp_extract(%[1]s, '^\s*\[?([0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*)(%%[^\]\s]+)?(\](:[0-9]+)?)?\s*\z', 1)) AS ipaddress)`
	// A whole number, also one that is written with a point or an exponent.
	wholeSQL = `CASE WHEN regexp_like(%[1]s, '^[+-]?[0-9]{1,19}\z') THEN TRY_CAST(%[1]s AS bigint) WHEN regexp_like(%[1]s, '^[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]{1,2})?\z') AND TRY_CAST(%[1]s AS double) = floor(TRY_CAST(%[1]s AS double)) AND abs(TRY_CAST(%[1]s AS double)) < 1e15 THEN CAST(TRY_CAST(%[1]s AS double) AS bigint) END`
)

// deniedCodes are the codes that [query.Denied] knows.
var deniedCodes = []string{
	"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "Unauthorized", "UnauthorizedAccess",
	"UnauthorizedException", "NotAuthorized", "NotAuthorizedException", "AuthorizationError", "AuthFailure",
	"OptInRequired", "Forbidden", "ForbiddenException", "InsufficientPrivilegesException", "KMSAccessDenied",
	"UserUnauthorized", "AuthorizationErrorException", "AccessDeniedFault",
}

// expr is a field of the schema over the table's columns, NULL where it is missing.
func (t *table) expr(spec query.FieldSpec) string {
	if path, ok := query.RawPath(spec.Name); ok {
		return t.asText(path)
	}
	var texts []string
	for _, p := range spec.Paths {
		texts = append(texts, t.scalar(string(p)))
	}
	x := coalesce(texts)
	switch spec.Name {
	case "api":
		return "nullif(" + fmt.Sprintf(apiSQL, x) + ", '')"
	case "denied":
		codes := make([]string, len(deniedCodes))
		for i, c := range deniedCodes {
			codes[i] = quoted(c)
		}
		return fmt.Sprintf("coalesce(%s IN (%s), FALSE)", fmt.Sprintf(codeSQL, x), strings.Join(codes, ", "))
	case "session_name":
		return "nullif(" + fmt.Sprintf(sessionSQL, x) + ", '')"
	case "source_service":
		return fmt.Sprintf("CASE WHEN %s IS NULL THEN nullif(%s, '') END", fmt.Sprintf(addressSQL, x), x)
	case "trail_name":
		return fmt.Sprintf("CASE WHEN %s = 'cloudtrail.amazonaws.com' THEN nullif(%s, '') END", t.scalar("eventSource"), fmt.Sprintf(lastSQL, x))
	}
	switch spec.Type {
	case query.Time:
		return t.micros(string(spec.Paths[0]))
	case query.IP:
		return "CAST(" + fmt.Sprintf(addressSQL, x) + " AS varchar)"
	case query.Bool:
		return fmt.Sprintf("CASE lower(%s) WHEN 'true' THEN TRUE WHEN 'false' THEN FALSE END", x)
	case query.Int:
		return fmt.Sprintf(wholeSQL, x)
	case query.Text, query.JSON, query.Null, query.Set, query.Param:
		return "nullif(" + x + ", '')"
	default:
		return "nullif(" + x + ", '')"
	}
}

// sortable is an address, as CAST gives its text, in a form that sorts by family and bits.
func sortable(x string) string {
	return fmt.Sprintf("CASE WHEN strpos(%s, ':') > 0 THEN '6' ELSE '4' END || to_hex(CAST(CAST(%s AS ipaddress) AS varbinary))", x, x)
}
