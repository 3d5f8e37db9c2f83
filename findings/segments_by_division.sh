#!/usr/bin/env bash
# How many segments a text has, asked of four packages of npm. Needs node and npm.
#
# Believed: counters of SMS segments agree; a character of the extension table ("€", "[", "{" ...) is an escape and a septet.
# So: sms-counter never counts the escapes (it takes the length of a function that it does not call), so 160 characters with
# one "€" are one segment to it, where they are 161 septets and two. It and sms-length divide what they counted by 153
# septets or 67 UTF-16 units, but an escape and its septet may not stand in two segments (3GPP TS 23.040 section 9.2.3.24.1),
# and nobody parts the halves of an emoji: where a pair lies over the border the text needs one more, as split-sms, which
# makes the parts, and Twilio's calculator say. A bill that was foretold so is a segment too low.
# Seen: sms-counter 1.0.0, sms-length 0.2.2, split-sms 0.1.7, sms-segments-calculator 1.3.0 (npm); 2026-11-29.
set -euo pipefail
command -v npm >/dev/null || { echo "it needs node and npm" >&2; exit 2; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund sms-counter@1.0.0 sms-length@0.2.2 split-sms@0.1.7 sms-segments-calculator@1.3.0
cat > count.js <<'JS'
const byCalculator = (text) => new (require("sms-segments-calculator").SegmentedMessage)(text).segmentsCount;
const byParts = (text) => require("split-sms").split(text).parts.length;
const byCounter = (text) => require("sms-counter").default.count(text).messages;
const byLength = (text) => require("sms-length").count(text).messages;
const texts = {
  "160 characters, one of them €": "a".repeat(159) + "€",
  "306 septets, € over the border": "a".repeat(152) + "€" + "b".repeat(152),
  "134 units, an emoji over the border": "a".repeat(66) + "😀" + "b".repeat(66),
};
const said = Object.entries(texts).map(([name, text]) => {
  const counts = [byParts, byCalculator, byLength, byCounter].map((count) => count(text));
  console.log(`${name}: split-sms, sms-segments-calculator, sms-length, sms-counter say ${counts.join(", ")}`);
  return counts.join("");
});
process.exit(said.join(" ") === "2221 3322 3322" ? 0 : 1);
JS
node count.js
