package cyclonedx

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"

	cdx "github.com/CycloneDX/cyclonedx-go"
	"github.com/go-json-experiment/json/jsontext"

	"plumbline.dev/plumb/internal/connect"
	"plumbline.dev/plumb/internal/connect/document"
	"plumbline.dev/plumb/internal/seal"
)

// decode reads a bill in either form. What must not reach the library's decoders is refused before: names twice, deep
// nesting, declarations of XML.
func decode(raw []byte) (*cdx.BOM, error) {
	format := cdx.BOMFileFormatJSON
	trimmed := bytes.TrimSpace(raw)
	var err error
	switch {
	case bytes.HasPrefix(trimmed, []byte("{")):
		var all jsontext.Value
		if err = seal.Decode(trimmed, &all); err != nil {
			return nil, document.Refused(err)
		}
	case bytes.HasPrefix(trimmed, []byte("<")):
		format = cdx.BOMFileFormatXML
		if err = guard(trimmed); err != nil {
			return nil, err
		}
	default:
		return nil, connect.BadDocument("it is neither JSON nor XML")
	}
	var doc cdx.BOM
	if err := cdx.NewBOMDecoder(bytes.NewReader(trimmed), format).Decode(&doc); err != nil {
		return nil, connect.BadDocument("it is no CycloneDX bill of materials")
	}
	switch {
	case format == cdx.BOMFileFormatJSON && doc.BOMFormat != cdx.BOMFormat, format == cdx.BOMFileFormatXML && doc.XMLName.Local != "bom":
		return nil, connect.BadDocument("it is no CycloneDX bill of materials")
	case doc.SpecVersion != cdx.SpecVersion1_4 && doc.SpecVersion != cdx.SpecVersion1_5 && doc.SpecVersion != cdx.SpecVersion1_6:
		return nil, connect.BadDocument("its version of CycloneDX is none of 1.4, 1.5 and 1.6")
	}
	return &doc, nil
}

// guard refuses XML that declares anything or nests without reason. Go's decoder expands no entity that is not declared.
func guard(raw []byte) error {
	d := xml.NewDecoder(bytes.NewReader(raw))
	for depth := 0; ; {
		t, err := d.RawToken()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return connect.BadDocument("it is not well-formed XML")
		}
		switch t.(type) {
		case xml.Directive:
			return connect.BadDocument("the XML holds a document type or entity declaration; none is read")
		case xml.StartElement:
			if depth++; depth > seal.MaxDepth*2 {
				return connect.BadDocument("the XML nests too deep")
			}
		case xml.EndElement:
			depth--
		}
	}
}
