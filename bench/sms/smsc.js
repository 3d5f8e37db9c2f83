// An SMSC on node-smpp that takes every submit_sm and, where asked to, reports it delivered at once. Says on stdout
// which port it has. For each line on stdin it answers {"submits", "acknowledged", "cpu_us"}; for the line "times" it
// adds and forgets "times": [destination, CLOCK_MONOTONIC microseconds of its submit_sm] of all since the last.
'use strict';
const readline = require('readline');
const smpp = require('smpp');

let submits = 0;
let acknowledged = 0;
let times = [];

function receipt(id) {
  // A Buffer: node-smpp would write a string in GSM octets.
  return Buffer.from(`id:${id} sub:001 dlvrd:001 submit date:2611280000 done date:2611280000 stat:DELIVRD err:000 text:`);
}

const server = smpp.createServer((session) => {
  for (const bind of ['bind_transceiver', 'bind_transmitter', 'bind_receiver']) {
    session.on(bind, (pdu) => session.send(pdu.response()));
  }
  session.on('submit_sm', (pdu) => {
    submits += 1;
    times.push([pdu.destination_addr, Number(process.hrtime.bigint() / 1000n)]);
    const id = String(submits);
    session.send(pdu.response({ message_id: id }));
    if (pdu.registered_delivery & 1) {
      session.deliver_sm({
        source_addr: pdu.destination_addr,
        destination_addr: pdu.source_addr,
        esm_class: 4,
        short_message: receipt(id),
      }, () => { acknowledged += 1; });
    }
  });
  // It answers neither by itself.
  session.on('enquire_link', (pdu) => session.send(pdu.response()));
  session.on('unbind', (pdu) => { session.send(pdu.response()); session.close(); });
  session.on('error', () => session.close());
});

server.listen(0, '127.0.0.1', () => console.log(server.address().port));

readline.createInterface({ input: process.stdin }).on('line', (line) => {
  const used = process.cpuUsage();
  const answer = { submits, acknowledged, cpu_us: used.user + used.system };
  if (line === 'times') { answer.times = times; times = []; }
  console.log(JSON.stringify(answer));
}).on('close', () => process.exit(0));
