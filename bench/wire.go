package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strconv"
)

// wire is one kept connection that sends prepared bytes and reads answers. It shares the processors with
// the server that it measures, so it does as little as HTTP allows: no headers of its own, no maps, one
// write and as few reads as the answer needs. It belongs to one goroutine.
type wire struct {
	conn   net.Conn
	in     *bufio.Reader
	out    []byte
	answer []byte
}

func dial(ctx context.Context, base string) (*wire, error) {
	u, err := url.Parse(base)
	if err != nil {
		return nil, err
	}
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", u.Host)
	if err != nil {
		return nil, err
	}
	return &wire{conn: conn, in: bufio.NewReaderSize(conn, 32<<10)}, nil
}

// dialAll opens a connection for each client, and gives what closes them.
func dialAll(ctx context.Context, base string, n int) (all []*wire, hangUp func(), err error) {
	hangUp = func() {
		for _, w := range all {
			_ = w.conn.Close()
		}
	}
	for range n {
		w, err := dial(ctx, base)
		if err != nil {
			hangUp()
			return nil, nil, err
		}
		all = append(all, w)
	}
	return all, hangUp, nil
}

// post sends a request whose header lines, all but the length, are given, and returns the body of the
// answer, good until the next call. An answer that is not a success is an error.
func (w *wire) post(header, body []byte) ([]byte, error) {
	w.out = append(append(w.out[:0], header...), "Content-Length: "...)
	w.out = append(strconv.AppendInt(w.out, int64(len(body)), 10), "\r\n\r\n"...)
	w.out = append(w.out, body...)
	if _, err := w.conn.Write(w.out); err != nil {
		return nil, err
	}
	status, length, chunked, err := w.head()
	if err != nil {
		return nil, err
	}
	if w.answer = w.answer[:0]; chunked {
		err = w.chunks()
	} else {
		err = w.take(length)
	}
	if err == nil && (status < 200 || status > 299) {
		err = fmt.Errorf("%s: status %d: %s", bytes.TrimSpace(header[:bytes.IndexByte(header, '\n')]), status, w.answer)
	}
	return w.answer, err
}

// head reads the status line and the header lines that say how long the answer is.
func (w *wire) head() (status, length int, chunked bool, err error) {
	for first := true; ; first = false {
		line, err := w.in.ReadSlice('\n')
		if err != nil {
			return 0, 0, false, err
		}
		line = bytes.TrimRight(line, "\r\n")
		switch {
		case first && len(line) < len("HTTP/1.1 200"):
			return 0, 0, false, fmt.Errorf("status line %q", line)
		case first:
			status, err = strconv.Atoi(string(line[9:12]))
		case len(line) == 0:
			return status, length, chunked, nil
		case bytes.HasPrefix(line, []byte("Content-Length: ")):
			length, err = strconv.Atoi(string(line[len("Content-Length: "):]))
		case bytes.HasPrefix(line, []byte("Transfer-Encoding: chunked")):
			chunked = true
		}
		if err != nil {
			return 0, 0, false, err
		}
	}
}

func (w *wire) take(n int) error {
	at := len(w.answer)
	w.answer = append(w.answer, make([]byte, n)...)
	_, err := io.ReadFull(w.in, w.answer[at:])
	return err
}

func (w *wire) chunks() error {
	for {
		line, err := w.in.ReadSlice('\n')
		if err != nil {
			return err
		}
		n, err := strconv.ParseInt(string(bytes.TrimRight(line, "\r\n")), 16, 32)
		if err != nil {
			return err
		}
		if err := errors.Join(w.take(int(n)), w.skip(2)); err != nil || n == 0 {
			return err
		}
	}
}

func (w *wire) skip(n int) error {
	_, err := w.in.Discard(n)
	return err
}

// headOf prepares the header lines of a request.
func headOf(path, bearer string, more ...string) []byte {
	h := "POST " + path + " HTTP/1.1\r\nHost: bench\r\n"
	if bearer != "" {
		h += "Authorization: Bearer " + bearer + "\r\n"
	}
	for _, line := range more {
		h += line + "\r\n"
	}
	return []byte(h)
}

const jsonBody = "Content-Type: application/json"

// member finds a text member of a JSON answer by its name, without reading the rest.
func member(answer []byte, name string) (string, error) {
	_, rest, ok := bytes.Cut(answer, []byte(`"`+name+`":"`))
	value, _, end := bytes.Cut(rest, []byte{'"'})
	if !ok || !end {
		return "", fmt.Errorf("no %q in %.200s", name, answer)
	}
	return string(value), nil
}
