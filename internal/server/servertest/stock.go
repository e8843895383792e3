package servertest

import (
	"fmt"
	"net/url"
	"strings"
	"time"

	"plumbline.dev/plumb/internal/reconcile"
)

// Table is a small company's list of hosts, for a source of kind csv.
const Table = "name,class,type,environment,classification,owner,role,tier,mac,ip,size\n" +
	"web-1,host,rack_server,prod,confidential,ops,web,frontend,02:FC:00:00:00:01,10.0.0.1,cx22\n" +
	"db-1,host,rack_server,prod,critical,ops,db,backend,02:FC:00:00:00:02,10.0.0.2,cx42\n" +
	"lab-1,host,rack_server,dev,internal,ops,lab,,02:FC:00:00:00:03,10.0.1.1,cx22\n" +
	"stray,host,rack_server,,,,,,02:FC:00:00:00:04,10.0.2.1,cx11\n"

// Graph is how things hang together, for a source of kind jupiterone.
const Graph = `{"entities":[
 {"_key":"net-prod-0001","_type":"hcloud_network","_class":"Network","name":"prod-net","environment":"prod","classification":"internal"},
 {"_key":"fw-edge-00001","_type":"hcloud_firewall","_class":"Firewall","name":"edge","environment":"prod"},
 {"_key":"host-app-0001","_type":"hcloud_server","_class":"Host","name":"app-1","environment":"prod","classification":"confidential","ports":[443,8443]},
 {"_key":"app-shop-0001","_type":"app","_class":"Application","name":"shop","environment":"prod","classification":"confidential","tier":"frontend"},
 {"_key":"app-bill-0001","_type":"app","_class":"Application","name":"billing","environment":"prod","classification":"critical","tier":"backend"},
 {"_key":"host-evil-001","_type":"hcloud_server","_class":"Host","name":"=HYPERLINK(\"http://evil.example\",\"x\")","environment":"test","classification":"internal"},
 {"_key":"data-cards-01","_type":"pg_database","_class":"Database","name":"cards <db> & \"more\"","environment":"prod","classification":"critical"}],
"relationships":[
 {"_class":"HAS","_fromEntityKey":"net-prod-0001","_toEntityKey":"host-app-0001"},
 {"_class":"PROTECTS","_fromEntityKey":"fw-edge-00001","_toEntityKey":"host-app-0001"},
 {"_class":"RUNS","_fromEntityKey":"host-app-0001","_toEntityKey":"app-shop-0001"},
 {"_class":"RUNS","_fromEntityKey":"host-app-0001","_toEntityKey":"app-bill-0001"},
 {"_class":"USES","_fromEntityKey":"app-shop-0001","_toEntityKey":"app-bill-0001"},
 {"_class":"STORES","_fromEntityKey":"app-bill-0001","_toEntityKey":"data-cards-01"}]}`

// Stock gives the server two sources, and sends them what a small company has. Its app-1 runs frontend and backend both.
func (s *Server) Stock() {
	s.t.Helper()
	s.stock(Graph)
}

func (s *Server) stock(graph string) {
	s.t.Helper()
	olga := s.As(Olga)
	olga.Want(201, "POST", "/sources", map[string]any{"name": "list", "kind": "csv"})
	olga.Want(201, "POST", "/sources", map[string]any{"name": "graph", "kind": "jupiterone"})
	s.Push("list", Table)
	s.Push("graph", graph)
}

// Push sends a source a document.
func (s *Server) Push(source, text string) {
	s.t.Helper()
	s.Again(Olga).Want(201, "POST", "/sources/"+url.PathEscape(source)+"/documents?document=test", strings.NewReader(text))
}

// Judged waits until every difference that was observed is judged. The server does that by itself, behind the readings.
func (s *Server) Judged() {
	s.t.Helper()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for range 600 {
		var f reconcile.Figures
		if s.As(Alice).Want(200, "GET", "/reconciliation", nil).Into(&f); f.Behind == 0 {
			return
		}
		<-tick.C
	}
	s.t.Fatal("the differences were not judged within a minute")
}

// Signed waits until an event is under a signed checkpoint. The server does that by itself, some moments behind.
func (s *Server) Signed(seq int64) {
	s.t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for range 600 {
		if a := s.As(Audra).Ask("GET", fmt.Sprintf("/ledger/proof/%d", seq), nil); a.Status == 200 {
			return
		}
		<-tick.C
	}
	s.t.Fatalf("event %d was not signed within half a minute", seq)
}

// Edited stocks the server with frontend and backend apart, and lets somebody make web-1 larger past the gate: FND-000001.
func (s *Server) Edited() {
	s.t.Helper()
	s.stock(strings.Replace(Graph, ` {"_class":"RUNS","_fromEntityKey":"host-app-0001","_toEntityKey":"app-bill-0001"},`, "", 1))
	s.Push("list", strings.Replace(Table, "10.0.0.1,cx22", "10.0.0.1,cx52", 1))
	s.Judged()
}
