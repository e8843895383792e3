# The two commands of the README are `make demo` and `make test`; both install or build what a bare
# Debian machine lacks.
SHELL := /bin/sh
STEP := @scripts/step

# The race detector needs cgo and compiles everything anew, SQLite among it, which takes some minutes. So it runs over the packages
# that start goroutines or are called from many; the others compute values. The random tamperings are left out of it: they are one
# goroutine, a thousand times. Nothing that is linked in may be left unwatched to spare time: what a generic type like
# atomic.Pointer compiles to is shared, and without its marks the detector sees races where there are none.
RACE := ./internal/db ./internal/ledger ./internal/blob ./internal/api ./internal/web/frame ./internal/server

STAMP := $(shell git rev-parse HEAD >/dev/null 2>&1 && echo true || echo false)

.PHONY: agent-deb pages screenshots build test bench mutate demo clean setup

build: # the program, one static file: build/plumb
	CGO_ENABLED=0 go build -trimpath -ldflags "-s -w" -buildvcs=$(STAMP) -o build/plumb ./cmd/plumb

setup: # what this machine lacks
	$(STEP) "set up this machine" scripts/setup

# Vet and tests share one set of flags, so that each package is compiled once for all of them: without cgo,
# as the program is built. The tests leave out their own vet, which asks less than the step before them.
test: export CGO_ENABLED := 0
test: setup # everything; what has SQL, on both database engines
	$(STEP) "format" scripts/check-format
	$(STEP) "vet" go vet -tags browser ./...
	$(STEP) "type-check for Windows and macOS" scripts/check-ports
	$(STEP) "test on SQLite" scripts/with-terraform go test -vet=off -timeout 20m ./...
	$(STEP) "test on PostgreSQL" scripts/with-postgres scripts/with-terraform sh -c 'go test -vet=off -timeout 20m $$(scripts/db-packages)'
	$(STEP) "test the pages in Chromium" scripts/with-browser go test -vet=off -tags browser -timeout 10m ./internal/web/browser
	$(STEP) "test with the race detector" env CGO_ENABLED=1 scripts/with-terraform go test -race -vet=off -timeout 30m -skip NoRandom $(RACE)

demo: setup build # the whole loop on real Terraform, then the server stays up
	@scripts/with-terraform ./build/plumb demo

pages: # the Go code of the pages, out of their templates
	go tool templ generate -path internal/web -log-level error

screenshots: setup # of every page, in both themes and three widths: build/screenshots. PAGES=/policy takes some
	PLUMB_PAGES=$(PAGES) PLUMB_SHOTS=build/screenshots scripts/with-browser go test -tags browser -count 1 -run EveryPage ./internal/web/browser
	@echo "they are in build/screenshots"

bench: setup build # goals against their twins, one table; some minutes. ONLY=P2,plan takes some
	@go run ./bench $(if $(ONLY),-only $(ONLY))

# What mutate takes guards away from: rules, permissions, sessions and the ceremony; what verifies ledger
# and packs; what holds a plan's document to its digest; what refuses facts, matches people and lints a pack;
# what explains a difference, and who answers where nothing does.
# The test of every changed byte is left out of it: it is half a minute of one question, asked a thousand times.
GUARDED := internal/change internal/directory internal/prove internal/reconcile \
	$(addprefix internal/ledger/,verify.go verify_events.go verify_rows.go) \
	$(addprefix internal/plan/,document.go digest.go read.go apply.go) \
	$(addprefix internal/policy/,admit.go demand.go match.go lint.go lint_people.go)

mutate: # takes each guard away, one by one, and asks that a test fails; a table, and exit 1 if one is open; about ten minutes
	nice go run ./mutate -held mutate/held-elsewhere.txt -skip EveryChangedByte $(GUARDED)

agent-deb: build # the agent as a Debian package: build/plumb-agent_*.deb
	scripts/agent-deb build/plumb build

clean: # what the other targets made, but for the tools
	rm -rf build
