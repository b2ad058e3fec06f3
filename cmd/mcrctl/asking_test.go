package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/mycarerecord/edge-agent/agent/care"
	edgev1 "github.com/mycarerecord/edge-agent/proto/mcr/edge/v1"
)

func TestAlertReasonFlag(t *testing.T) {
	for r := care.PublicInterest; r.Valid(); r++ {
		f := askingFlags{Purpose: "BTG", Permission: "NOT_ASKED", NHSNumber: "9990000018"}
		if err := f.AlertReason.UnmarshalText([]byte(r.String())); err != nil {
			t.Fatal(err)
		}
		asked, err := f.context(&program{})
		if err != nil || asked.GetAlertReason() != edgev1.AlertReason(r) || "ALERT_REASON_"+r.String() != asked.GetAlertReason().String() {
			t.Errorf("%s is sent as %v, %v", r, asked.GetAlertReason(), err)
		}
	}
	for _, code := range []string{"", "emergency", "EMERGENCY ", "1", "WHIM"} {
		var errs bytes.Buffer
		args := []string{"locate", "--permission", "NOT_ASKED", "--purpose", "BTG", "--alert-reason", code}
		if got := run(args, nil, &bytes.Buffer{}, &errs); got != exitUsage || !strings.Contains(errs.String(), "one of PUBLIC_INTEREST") {
			t.Errorf("%q: exit code %d, %s", code, got, &errs)
		}
	}
}
