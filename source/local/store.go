// Package local is an embedded store of log records that answers questions.
//
// It reads log files by their content, keeps every record whole beside its typed fields,
// removes duplicates, sets aside what it cannot read, and derives from the records and from
// saved trail settings what was collected. One process owns a store at a time.
package local

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/duckdb/duckdb-go/v2"

	"uratori/query"
	"uratori/source/coverage"
)

// schemaVersion is the version of the store's tables. A store of any other version is refused: it
// is made of log files, and reading them again is surer than to change it. Version 2 keeps
// addresses in one form and no hash that can be had from the record; version 3 what logs say of their
// own hours.
const schemaVersion = 3

// An Assertion says what is, or is not, collected. It wins over what records show.
type Assertion = coverage.Assertion

// Options say how a store is opened.
type Options struct {
	Name     string // of the source, such as "splunk-prod"; "local" if empty
	Path     string // of the file; "" for a temporary store that Close removes
	ReadOnly bool
	Assert   []Assertion
	Now      time.Time // the moment of ingest: later records are counted as in the future
}

// A Store is an open store. Ask, Covers and Quality may be called concurrently.
type Store struct {
	opt       Options
	path      string
	temporary string // folder to remove
	connector *duckdb.Connector
	db        *sql.DB
	attached  bool // the file is attached: further connections can use it

	trailsMu sync.Mutex
	trails   map[string]*trails // by account; see trailsOf
}

// A VersionError says that a store was written by a newer or an older program.
type VersionError struct {
	Path string
	Have int
}

func (e *VersionError) Error() string {
	if e.Have < schemaVersion {
		return fmt.Sprintf("store %s has version %d, of an older program, and this one writes %d; ingest the logs again into a new store", e.Path, e.Have, schemaVersion)
	}
	return fmt.Sprintf("store %s has version %d and this program knows %d; use the newer program, or ingest the logs into a new store", e.Path, e.Have, schemaVersion)
}

// Open opens or makes a store.
func Open(ctx context.Context, opt Options) (s *Store, err error) {
	if opt.Name == "" {
		opt.Name = "local"
	}
	s = &Store{opt: opt, path: opt.Path}
	defer func() {
		if err != nil {
			err = fmt.Errorf("open store %s: %w", opt.Path, errors.Join(err, s.Close()))
			s = nil
		}
	}()
	if s.path == "" {
		if s.temporary, err = os.MkdirTemp("", "uratori-*"); err != nil {
			return s, err
		}
		s.path = filepath.Join(s.temporary, "logs.duckdb")
	}
	_, statErr := os.Stat(s.path)
	exists := statErr == nil
	if opt.ReadOnly && !exists {
		return s, statErr
	}
	if exists && !opt.ReadOnly && !writable(s.path) {
		s.opt.ReadOnly, opt.ReadOnly = true, true
	}
	// The file is attached to an empty database, because only ATTACH takes the size of row
	// groups: small ones keep a bulk load within a small memory limit.
	attach := "ATTACH IF NOT EXISTS " + sqlText(s.path) + " AS store (READ_ONLY)"
	if !opt.ReadOnly {
		attach = fmt.Sprintf("ATTACH IF NOT EXISTS %s AS store (STORAGE_VERSION 'latest', ROW_GROUP_SIZE %d)", sqlText(s.path), rowGroup)
	}
	// One thread a query: with more, the one that asks spins while the others work, which costs a bulk
	// load half as much CPU again. Queries run on their callers' threads beside each other.
	const dsn = "?memory_limit=224MB&threads=1&autoinstall_known_extensions=false&autoload_known_extensions=false&preserve_insertion_order=false&checkpoint_threshold=2GB"
	if s.connector, err = duckdb.NewConnector(dsn, func(c driver.ExecerContext) error {
		_, err := c.ExecContext(ctx, "USE store", nil)
		return ignoreFirst(err, s)
	}); err != nil {
		return s, explain(err)
	}
	s.db = sql.OpenDB(s.connector)
	s.db.SetMaxOpenConns(4)
	if _, err := s.db.ExecContext(ctx, attach); err != nil {
		return s, explain(err)
	}
	s.attached = true
	if _, err := s.db.ExecContext(ctx, "USE store"); err != nil {
		return s, explain(err)
	}
	if !exists || !s.has(ctx, "meta") {
		if opt.ReadOnly {
			return s, errors.New("the file is no store of this program")
		}
		if err := s.create(ctx); err != nil {
			return s, explain(err)
		}
	}
	if err := s.checkVersion(ctx); err != nil {
		return s, err
	}
	// What does not fit in memory goes beside the store while it is open.
	spill := "SET temp_directory=" + sqlText(s.path+".tmp")
	if opt.ReadOnly {
		spill = "SET temp_directory=''"
	}
	for _, set := range []string{spill, "SET enable_external_access=false", "SET lock_configuration=true"} {
		if _, err := s.db.ExecContext(ctx, set); err != nil {
			return s, err
		}
	}
	return s, nil
}

// writable tells whether a file can be opened for writing, without changing it.
func writable(path string) bool {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return false
	}
	f.Close()
	probe, err := os.CreateTemp(filepath.Dir(path), ".uratori-*") // DuckDB writes its log beside the file
	if err != nil {
		return false
	}
	probe.Close()
	return os.Remove(probe.Name()) == nil
}

// rowGroup is how many rows DuckDB packs together: a multiple of its vectors of 2048.
const rowGroup = 15 * 2048

// ignoreFirst passes over the error of the connection that will attach the file.
func ignoreFirst(err error, s *Store) error {
	if s.attached {
		return err
	}
	return nil
}

func (s *Store) has(ctx context.Context, table string) bool {
	var n int
	err := s.db.QueryRowContext(ctx, "SELECT count(*) FROM duckdb_tables() WHERE database_name = 'store' AND table_name = ?", table).Scan(&n)
	return err == nil && n == 1
}

func (s *Store) create(ctx context.Context) error {
	statements := []string{
		"CREATE TABLE meta (key VARCHAR PRIMARY KEY, value VARCHAR)",
		"CREATE TABLE files (sha256 VARCHAR PRIMARY KEY, path VARCHAR, records BIGINT, is_log BOOLEAN)",
		"CREATE TABLE quarantine (file VARCHAR, position VARCHAR, reason VARCHAR, sample VARCHAR)",
		"CREATE TABLE documents (sha256 VARCHAR PRIMARY KEY, name VARCHAR, body VARCHAR)",
		"CREATE TABLE hours (kind VARCHAR, account VARCHAR, region VARCHAR, hour BIGINT, n BIGINT)",
		"CREATE TABLE statuses (kind VARCHAR, account VARCHAR, region VARCHAR, hour BIGINT, lost BOOLEAN)",
		"CREATE TABLE counters (name VARCHAR PRIMARY KEY, n BIGINT)",
		"CREATE TABLE conflicts (dataset VARCHAR, event_id VARCHAR, PRIMARY KEY (dataset, event_id))",
	}
	for _, schema := range query.Schemas() {
		var cols []string
		for _, c := range columnsOf(schema) {
			cols = append(cols, c.name+" "+c.sqlType)
		}
		statements = append(statements, fmt.Sprintf("CREATE TABLE %s (%s)", schema.Dataset, strings.Join(cols, ", ")))
	}
	for _, st := range statements {
		if _, err := s.db.ExecContext(ctx, st); err != nil {
			return err
		}
	}
	_, err := s.db.ExecContext(ctx, "INSERT INTO meta VALUES ('version', ?)", strconv.Itoa(schemaVersion))
	return err
}

func (s *Store) checkVersion(ctx context.Context) error {
	var v string
	if err := s.db.QueryRowContext(ctx, "SELECT value FROM meta WHERE key = 'version'").Scan(&v); err != nil {
		return fmt.Errorf("the file is no store of this program: %w", err)
	}
	n, err := strconv.Atoi(v)
	if err != nil || n != schemaVersion {
		return &VersionError{Path: s.path, Have: n}
	}
	return nil
}

// Name is the name of the source.
func (s *Store) Name() string { return s.opt.Name }

// Path is the store's file.
func (s *Store) Path() string { return s.path }

// Close closes the store and removes it if it was temporary. Closing twice is fine.
func (s *Store) Close() error {
	var errs []error
	if s.db != nil {
		errs = append(errs, s.db.Close())
		s.db = nil
	}
	if s.connector != nil {
		errs = append(errs, s.connector.Close())
		s.connector = nil
	}
	if s.temporary != "" {
		errs = append(errs, os.RemoveAll(s.temporary))
		s.temporary = ""
	}
	return errors.Join(errs...)
}

// explain adds what to do to errors of the disk.
func explain(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, fs.ErrPermission), strings.Contains(err.Error(), "Permission denied"), strings.Contains(err.Error(), "Read-only file system"):
		return fmt.Errorf("%w; the place cannot be written: name another with --store", err)
	case strings.Contains(err.Error(), "No space left"), strings.Contains(err.Error(), "not enough space"):
		return fmt.Errorf("%w; the disk is full: free some space or name another disk with --store; what was stored before is unharmed", err)
	case strings.Contains(err.Error(), "Conflicting lock"), strings.Contains(err.Error(), "Could not set lock"):
		return fmt.Errorf("%w; another process has the store open: wait for it or name another with --store", err)
	}
	return err
}

// A column is one column of a dataset's table.
type column struct {
	name    string
	sqlType string
	field   query.Field
}

// headColumn holds the first 8 bytes of the sha256 of raw, as a signed number.
const headColumn = "raw_head"

// cold tells which fields have no column of their own: they are asked for so seldom that reading
// them out of the raw record costs less than keeping them twice.
func cold(d query.Dataset, f query.Field) bool {
	if d != query.CloudTrail {
		return false
	}
	switch f {
	case "event_type", "event_version", "error_message", "request_id", "shared_event_id", "vpc_endpoint", "user_account",
		"identity_store", "in_scope_of", "new_access_key", "target_user", "login_result":
		return true
	}
	return false
}

// columnsOf are the columns of a dataset: one for each field that is not cold.
func columnsOf(schema query.Schema) []column {
	var out []column
	for _, f := range schema.Fields {
		if cold(schema.Dataset, f.Name) {
			continue
		}
		c := column{name: string(f.Name), field: f.Name}
		switch f.Type {
		case query.Bool:
			c.sqlType = "BOOLEAN"
		case query.Int, query.Time:
			c.sqlType = "BIGINT" // times are microseconds since 1970 UTC
		case query.IP:
			c.sqlType = "BLOB" // see sortable
		case query.Text, query.JSON, query.Null, query.Set, query.Param:
			c.sqlType = "VARCHAR"
		default:
			c.sqlType = "VARCHAR"
		}
		switch f.Name {
		case query.Raw:
			c.sqlType = "VARCHAR USING COMPRESSION zstd"
		case query.RawSHA256:
			// The record's hash does not compress and can be had from the record. What is kept is its
			// beginning, by which a duplicate is told from a conflict.
			c.name, c.sqlType = headColumn, "BIGINT"
		}
		out = append(out, c)
	}
	return out
}
