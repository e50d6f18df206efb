package local

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/duckdb/duckdb-go/v2"
)

// maxParquet is the largest Parquet file that is read.
const maxParquet = 4 << 30

// parquet reads a Parquet file row by row as JSON objects. Whoever wrote the file may be hostile, and
// it is read by a library in C++: so a database of its own in memory opens it, which can reach this file
// and nothing else, loads no extension, and has little memory.
func (v *fileVisit) parquet(path string) (err error) {
	v.res.isLog = true
	path, err = filepath.Abs(path)
	if err != nil {
		return err
	}
	info, err := os.Stat(path)
	if err != nil {
		return v.bad(0, nil, errors.New("the Parquet file cannot be read"))
	}
	if info.Size() > maxParquet {
		return v.bad(0, nil, errors.New("is a Parquet file too large to be read"))
	}
	connector, err := duckdb.NewConnector("?memory_limit=192MB&threads=1&autoinstall_known_extensions=false&autoload_known_extensions=false&temp_directory=", nil)
	if err != nil {
		return err
	}
	db := sql.OpenDB(connector)
	db.SetMaxOpenConns(1)
	defer func() { err = errors.Join(err, db.Close(), connector.Close()) }()
	for _, set := range []string{"SET allowed_paths=[" + sqlText(path) + "]", "SET enable_external_access=false", "SET lock_configuration=true"} {
		if _, err := db.ExecContext(v.ctx, set); err != nil {
			return err
		}
	}
	return v.parquetRows(v.ctx, db, path)
}

func (v *fileVisit) parquetRows(ctx context.Context, db *sql.DB, path string) error {
	refuse := func(n int64, err error) error {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return v.bad(n, nil, fmt.Errorf("the Parquet file cannot be read further: %s", strings.ReplaceAll(firstLine(err), path, "it")))
	}
	rows, err := db.QueryContext(ctx, "SELECT to_json(r)::VARCHAR FROM read_parquet(?, binary_as_string=true, hive_partitioning=false) AS r", path)
	if err != nil {
		return refuse(0, err)
	}
	defer rows.Close()
	var n int64
	for ; rows.Next(); n++ {
		var raw string
		if err := rows.Scan(&raw); err != nil {
			return refuse(n, err)
		}
		if len(raw) > maxRecord {
			if err := v.bad(n, head([]byte(raw)), errTooLong); err != nil {
				return err
			}
			continue
		}
		if err := v.record([]byte(raw), n); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return refuse(n, err)
	}
	return nil
}

// firstLine is an error of the library without its help, which may quote the file.
func firstLine(err error) string {
	s := err.Error()
	for i, c := range s {
		if c == '\n' {
			return s[:i]
		}
	}
	return s
}
