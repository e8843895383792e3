// Package document reads what is sent to a source: bounded bytes, JSON whose form others decide, and values of which
// no secret may be kept. It knows no product and makes no record.
package document

import (
	"bytes"
	"context"
	"errors"
	"io"
	"unicode/utf8"

	"plumbline.dev/plumb/internal/connect"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/inventory"
)

// Most is how many bytes of one document are read.
const Most = 64 << 20

// bounded gives an error where LimitReader would give an end: half a document must not be taken for a whole one.
type bounded struct {
	from io.Reader
	left int64
}

// Bound reads no more than Most bytes and refuses a longer document.
func Bound(r io.Reader) io.Reader { return &bounded{r, Most} }

// Read implements io.Reader.
func (b *bounded) Read(p []byte) (int, error) {
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := b.from.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, fault.New(fault.TooLarge, "document_too_large", "The document is larger than %d bytes.", Most).
			FixedBy("whoever sends it").Then("send it in parts, each for a scope of its own")
	}
	return n, err
}

// All reads a whole document without its byte order mark, and refuses what is no text.
func All(r io.Reader) ([]byte, error) {
	if r == nil {
		return nil, connect.BadDocument("nothing was sent")
	}
	b, err := connect.ReadAll(r, Most)
	if err != nil {
		return nil, err
	}
	b = bytes.TrimPrefix(b, []byte("\xEF\xBB\xBF"))
	if !utf8.Valid(b) {
		return nil, connect.BadDocument("it is not valid UTF-8")
	}
	return b, nil
}

// Refused keeps a refusal and makes one of any other error of reading JSON.
func Refused(err error) error {
	var known *fault.Error
	if err == nil || errors.As(err, &known) {
		return err
	}
	return connect.BadDocument("it is not the JSON that was expected")
}

// Emit gives records on, one after the other, until somebody refuses one or the time is over.
func Emit(ctx context.Context, records []inventory.Record, emit func(inventory.Record) error) error {
	for _, r := range records {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := emit(r); err != nil {
			return err
		}
	}
	return nil
}
