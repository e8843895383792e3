package api

import (
	"context"

	"plumbline.dev/plumb/internal/change"
)

type evidenceIn struct {
	ID      string `path:"id" maxLength:"40"`
	Format  string `query:"format" maxLength:"40" doc:"junit, sarif, trivy, cyclonedx or attached; empty to have it found out"`
	Kind    string `query:"kind" maxLength:"60" doc:"what an attached file stands for"`
	Subject string `query:"subject" maxLength:"300" doc:"digest of what was tested"`
	Name    string `query:"name" maxLength:"300" doc:"file name, for reading only"`
	Masked  int    `query:"masked" minimum:"0" maximum:"1000000" doc:"places that the sender has masked already"`
	In      Stream
}

func (a *API) addEvidence(ctx context.Context, in *evidenceIn) (*body[change.CheckResult], error) {
	id, err := change.ParseID(in.ID)
	if err != nil {
		return nil, err
	}
	e := change.Evidence{Format: in.Format, Kind: in.Kind, Subject: in.Subject, Name: in.Name, Masked: in.Masked}
	return give(a.Changes.AddEvidence(ctx, actorOf(ctx), id, e, in.In.reader))
}

type documentIn struct {
	Kind string `query:"kind" maxLength:"40" doc:"binding kind of the document, such as tf-plan, or attachment"`
	In   Stream
}

func (a *API) addDocument(ctx context.Context, in *documentIn) (*body[change.Binding], error) {
	return give(a.Changes.AddDocument(ctx, in.Kind, in.In.reader))
}

type digestIn struct {
	Digest string `path:"digest" maxLength:"80" doc:"sha256: and 64 hex digits"`
}

// download is a document as it was sent. A browser must neither guess what it is nor show it.
type download struct {
	ContentType string `header:"Content-Type"`
	Disposition string `header:"Content-Disposition"`
	Body        []byte
}

func (a *API) document(ctx context.Context, in *digestIn) (*download, error) {
	b, err := a.Changes.Document(ctx, in.Digest)
	if err != nil {
		return nil, err
	}
	return &download{ContentType: octets, Disposition: "attachment", Body: b}, nil
}

const octets = "application/octet-stream"
