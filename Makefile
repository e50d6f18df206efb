# make help lists the targets.
GO ?= go
VERSION := $(shell git describe --always --dirty --tags 2>/dev/null || echo dev)
LDFLAGS := -X main.version=$(VERSION)
LINT := bin/golangci-lint

.DEFAULT_GOAL := help
.PHONY: help build demo test lint bench soak clean

help: ## list the targets
	@awk -F':.*## ' '/^[a-z]+:.*## /{printf "  %-8s %s\n", $$1, $$2}' Makefile

build: ## build bin/uratori
	@mkdir -p bin
	$(GO) build -ldflags '$(LDFLAGS)' -o bin/uratori ./cmd/uratori

demo: build ## generate a scenario, investigate it, print the summary and where the report lies
	@bin/uratori demo

# The whole cases of investigate and of the command run thousands of reports, and whole investigations
# behind doubles; the packages they are made of are raced on their own, and so are investigations side by side.
# Stories, judgements and reports are made in one goroutine, so that the detector shows nothing in tests of theirs
# but takes minutes; investigations side by side race what they share.
test: ## run every test, installing what they need when it is absent
	@scripts/need jq chromium+fonts-noto-cjk
	$(GO) test -race -timeout 20m $$($(GO) list ./... | grep -Ev '/(investigate|cmd/uratori|scenario/kinds|policy|report)$$')
	$(GO) test -timeout 20m ./investigate ./cmd/uratori ./scenario/kinds ./policy ./report
	$(GO) test -race -timeout 10m -run PaceOfInvestigationsTogether ./cmd/uratori

lint: $(LINT) ## run the linters
	@test -z "$$($(GO) -C tools tool gofumpt -l $(CURDIR) | tee /dev/stderr)" || { echo 'these files are not gofumpt-ed'; exit 1; }
	$(LINT) run ./...

$(LINT): tools/go.mod tools/go.sum
	@mkdir -p bin
	$(GO) -C tools build -o ../$(LINT) github.com/golangci/golangci-lint/v2/cmd/golangci-lint

bench: ## measure ingest, store and investigation on a million events, with ratios
	URATORI_BENCH_EVENTS=$${URATORI_BENCH_EVENTS:-1000000} $(GO) test -run '^$$' -bench . -benchtime 1x -timeout 60m ./source/local ./cmd/uratori

soak: ## read 216 reports back and mutate them; every fault of every source, every budget (minutes)
	URATORI_SOAK=1 $(GO) test -run 'Soak|Mutation|BudgetsHold' -timeout 90m ./investigate/... ./cmd/uratori

clean: ## remove what was built
	rm -rf bin out
