package athenatest

import (
	"fmt"
	"strings"
	"testing"
)

// one is a catalog with the table t of two rows.
type one struct{}

func (one) scan(name []string, _ expr) (relation, int64, error) {
	if strings.Join(name, ".") != "t" {
		return relation{}, 0, fmt.Errorf("TABLE_NOT_FOUND: %v", name)
	}
	user := typ{name: "row", members: []member{{"arn", varcharT}}}
	return relation{
		cols: []col{{"a", varcharT}, {"n", bigintT}, {"b", booleanT}, {"u", user}, {"m", typ{name: "map", elem: &varcharT}}},
		rows: [][]any{
			{"x", int64(7), true, []any{"arn:1"}, map[string]any{"k": "v"}},
			{nil, int64(-7), nil, nil, map[string]any{}},
			{"X", nil, false, []any{nil}, nil},
		},
	}, 10, nil
}

func rowsOf(t *testing.T, sql string) (string, error) {
	t.Helper()
	sel, err := parse(sql)
	if err != nil {
		return "", err
	}
	r := &runner{from: one{}}
	rel, err := r.run(sel, nil)
	if err != nil {
		return "", err
	}
	var out []string
	for _, row := range rel.rows {
		var cells []string
		for i, v := range row {
			if s := shown(v, rel.cols[i].typ); s != nil {
				cells = append(cells, *s)
			} else {
				cells = append(cells, "NULL")
			}
		}
		out = append(out, strings.Join(cells, "|"))
	}
	return strings.Join(out, " "), nil
}

// The meaning of Trino's SQL, as its documentation tells it.
func TestMeaning(t *testing.T) {
	for sql, want := range map[string]string{
		`SELECT a, count(*) AS n FROM t GROUP BY 1 ORDER BY 1`:                                                                      "X|1 x|1 NULL|1", // NULL is a group; texts sort by bytes; NULL is last
		`SELECT a FROM t ORDER BY a DESC`:                                                                                           "x X NULL",       // NULL is last, also downwards
		`SELECT a FROM t ORDER BY a DESC NULLS FIRST`:                                                                               "NULL x X",
		`SELECT n FROM t WHERE a <> 'x'`:                                                                                            "NULL", // an unknown is not true
		`SELECT count(*) AS c FROM t WHERE NOT (a = 'x')`:                                                                           "1",
		`SELECT count(*) AS c FROM t WHERE a IN ('x', 'y')`:                                                                         "1",
		`SELECT count(*) AS c FROM t WHERE a LIKE 'x%'`:                                                                             "1",
		`SELECT count(*) AS c FROM t WHERE a LIKE '$%' ESCAPE '$'`:                                                                  "0",
		`SELECT n / 2 AS h, n % 4 AS r FROM t WHERE n IS NOT NULL ORDER BY 1`:                                                       "-3|-3 3|3", // to the whole number toward zero
		`SELECT count(n) AS c, count(DISTINCT b) AS d, sum(n) AS s, min(a) AS l FROM t`:                                             "2|2|0|X",
		`SELECT count(*) AS c FROM t WHERE a = 'none'`:                                                                              "0", // without GROUP BY there is always one group
		`SELECT max(n) AS m FROM t WHERE a = 'none'`:                                                                                "NULL",
		`SELECT max(n) AS m FROM t WHERE a = 'none' HAVING count(*) > 0`:                                                            "",
		`SELECT u.arn AS r FROM t ORDER BY 1`:                                                                                       "arn:1 NULL NULL",
		`SELECT element_at(m, 'k') AS v FROM t ORDER BY 1`:                                                                          "v NULL NULL",
		`SELECT 'it''s' || U&'\0041\+01F600\\' AS s FROM t LIMIT 1`:                                                                 `it'sA😀\`,
		`SELECT json_extract_scalar('{"a":{"b":1.0},"a":2}', '$["a"]["b"]') AS s FROM t LIMIT 1`:                                    "1.0", // the first of members of one name
		`SELECT json_extract_scalar('{"a":[1]}', '$.a') AS s FROM t LIMIT 1`:                                                        "NULL",
		`SELECT json_extract_scalar('not json', '$.a') AS s FROM t LIMIT 1`:                                                         "NULL",
		`SELECT json_format(json_extract('{"a":{ "b" : null }}', '$.a')) AS s FROM t LIMIT 1`:                                       `{"b":null}`,
		`SELECT CAST(TRY_CAST('192.0.2.300' AS ipaddress) AS varchar) AS s FROM t LIMIT 1`:                                          "NULL",
		`SELECT to_hex(CAST(CAST('192.0.2.1' AS ipaddress) AS varbinary)) AS s FROM t LIMIT 1`:                                      "00000000000000000000FFFFC0000201",
		`SELECT TRY_CAST('1.5' AS bigint) AS n FROM t LIMIT 1`:                                                                      "NULL", // no rounding
		`SELECT TRY(from_iso8601_timestamp('yesterday')) AS n FROM t LIMIT 1`:                                                       "NULL",
		`SELECT regexp_replace('ab20150331', '(?s)^(.+)20[0-9]{6}\z', '$1') AS s FROM t LIMIT 1`:                                    "ab",
		`SELECT a, row_number() OVER (PARTITION BY b ORDER BY n) AS i FROM t WHERE b ORDER BY 1`:                                    "x|1",
		`WITH w AS (SELECT *, row_number() OVER (ORDER BY n) AS i FROM t) SELECT n, i FROM w ORDER BY i`:                            "-7|1 7|2 NULL|3",
		`SELECT json_format(CAST(slice(array_sort(array_agg(DISTINCT a) FILTER (WHERE a IS NOT NULL)), 1, 1) AS json)) AS s FROM t`: `["X"]`,
		`SELECT "A" AS q FROM t WHERE "A" = 'x'`:                                                                                    "x", // names know no case
	} {
		got, err := rowsOf(t, sql)
		if err != nil || got != want {
			t.Errorf("%s\ngives %s (%v), want %s", sql, got, err, want)
		}
	}
}

// What Trino would refuse, and what the double does not know, does not run.
func TestRefused(t *testing.T) {
	for _, sql := range []string{
		`SELECT`, `SELECT a FROM`, `DROP TABLE t`, `SELECT a FROM t; SELECT a FROM t`, `SELECT a FROM t UNION SELECT a FROM t`, `SELECT a FROM t, t`,
		`SELECT a FROM t WHERE a = "x"`, `SELECT a FROM t WHERE a = 'x`, `SELECT a FROM t WHERE a == 'x'`, `SELECT nothing FROM t`, `SELECT a FROM other`,
		`SELECT a FROM t WHERE n = '7'`, `SELECT a FROM t WHERE a = 7`, `SELECT a FROM t WHERE a`, `SELECT a + 1 AS s FROM t`, `SELECT a || n AS s FROM t`,
		`SELECT coalesce(a, n) AS s FROM t`, `SELECT coalesce(a) AS s FROM t`, `SELECT CASE WHEN b THEN a ELSE n END AS s FROM t`, `SELECT CASE WHEN n THEN a END AS s FROM t`,
		`SELECT a, count(*) AS c FROM t`, `SELECT count(*) AS c FROM t GROUP BY a HAVING n > 0`, `SELECT a FROM t WHERE count(*) > 1`, `SELECT count(*) AS c FROM t ORDER BY n`,
		`SELECT approx_distinct(a) AS c FROM t`, `SELECT CAST(b AS ipaddress) AS c FROM t`, `SELECT CAST('x' AS bigint) AS c FROM t`, `SELECT n / 0 AS c FROM t`,
		`SELECT u FROM t ORDER BY u`, `SELECT u.name AS x FROM t`, `SELECT lower(n) AS x FROM t`, `SELECT json_extract_scalar(a, 'a') AS x FROM t`,
		`SELECT a AS x, a AS x FROM t GROUP BY 3`, `SELECT a FROM t LIMIT x`, `SELECT a FROM t WHERE a = ?`, `SELECT a FROM t WHERE a IN ()`, `SELECT U&'\D800' AS s FROM t`,
		`SELECT min(m) AS x FROM t`, `SELECT row_number() OVER () AS i FROM t WHERE row_number() OVER () = 1`, `SELECT TIMESTAMP 'now' AS x FROM t`,
	} {
		if got, err := rowsOf(t, sql); err == nil {
			t.Errorf("%s runs and gives %s; want it refused", sql, got)
		}
	}
}

// The reader ends and does not panic, whatever it is given.
func FuzzParse(f *testing.F) {
	f.Add(`WITH w AS (SELECT * FROM t) SELECT a, count(*) AS n FROM w WHERE NOT a LIKE 'x' GROUP BY 1 ORDER BY 2 DESC LIMIT 3`)
	f.Add(`SELECT U&'\+00`)
	f.Add(`SELECT ((((`)
	f.Fuzz(func(t *testing.T, sql string) {
		if len(sql) > 10_000 {
			t.Skip()
		}
		_, _ = rowsOf(t, sql)
	})
}
