// Axelar's local network over two given nodes: prints one line of JSON with its figures.
//
//     node run.js URL_A URL_B RECEIVER_CODE MESSAGES AT_ONCE
"use strict";
const started = Date.now();
const { ethers } = require("ethers");
const { setupNetwork, relay, utils } = require("@axelar-network/axelar-local-dev");

const [urlA, urlB, code, messages, atOnce] = process.argv.slice(2);
const PAYLOAD = "0x" + "a7".repeat(256);
const GAS_FEE = ethers.utils.parseEther("0.01");
const ABI = ["constructor(address)"];

const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

async function network(name, url) {
  const provider = new ethers.providers.JsonRpcProvider(url);
  provider.pollingInterval = 50;
  const mnemonic = "test test test test test test test test test test test junk";
  const wallet = (n) => ethers.Wallet.fromMnemonic(mnemonic, `m/44'/60'/0'/0/${n}`).connect(provider);
  return setupNetwork(provider, {
    name,
    ownerKey: wallet(0),
    operatorKey: wallet(1),
    relayerKey: wallet(2),
    userKeys: [wallet(3)],
    adminKeys: [wallet(4)],
    threshold: 1,
  });
}

async function main() {
  utils.setLogger(() => undefined);
  const [from, to] = [await network("alpha", urlA), await network("bravo", urlB)];
  const factory = new ethers.ContractFactory(ABI, "0x" + code, to.userWallets[0]);
  const receiver = await factory.deploy(to.gateway.address);
  await receiver.deployed();
  const user = from.userWallets[0];

  const send = async () => {
    const args = [to.name, receiver.address, PAYLOAD];
    const paid = await from.gasService
      .connect(user)
      .payNativeGasForContractCall(user.address, ...args, user.address, { value: GAS_FEE });
    await paid.wait();
    await (await from.gateway.connect(user).callContract(...args)).wait();
  };
  const received = async () => (await to.provider.getLogs({ address: receiver.address, fromBlock: 0 })).length;

  await send();
  await relay();
  const first = (Date.now() - started) / 1000;
  if ((await received()) !== 1) throw new Error("the first message did not arrive");

  const latencies = [];
  for (let n = 0; n < 20; n++) {
    const before = Date.now();
    await send();
    await relay();
    latencies.push(Date.now() - before);
  }
  let relaying = 0;
  for (let done = 0; done < Number(messages); done += Number(atOnce)) {
    for (let n = 0; n < Number(atOnce); n++) await send();
    const before = Date.now();
    await relay();
    relaying += Date.now() - before;
  }
  const total = 21 + Math.ceil(Number(messages) / Number(atOnce)) * Number(atOnce);
  const figures = {
    sent: total,
    received: await received(),
    first_message_s: first,
    messages_per_second: ((total - 21) * 1000) / relaying,
    latency_p50_ms: median(latencies),
    rss_mb: process.memoryUsage().rss / 1e6,
  };
  console.log(JSON.stringify(figures));
  process.exit(0);
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
