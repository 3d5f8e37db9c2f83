// Judges one result token as a receiver's own Node program does, offline: reads {token, keys, audience, issuer}.
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const { createLocalJWKSet, jwtVerify } = await import(pathToFileURL(process.argv[2]).href);
const { token, keys, audience, issuer, at } = JSON.parse(readFileSync(0, "utf8"));
try {
  const { payload, protectedHeader } = await jwtVerify(token, createLocalJWKSet(keys), {
    algorithms: ["EdDSA"], typ: "verification+jwt", audience, issuer, currentDate: new Date(at),
  });
  console.log(JSON.stringify({ payload, protectedHeader }));
} catch (error) {
  console.log(JSON.stringify({ refused: error.code }));
}
