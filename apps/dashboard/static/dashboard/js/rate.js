// How fast is a run, and when does its current stage end? From the counters of its messages; silent until that is honest.

const SMOOTHING = 0.3; // the weight of the newest sample
const FEWEST = 3; // samples
const SHORTEST = 5; // seconds of samples
const STALE = 15; // seconds without progress after which nothing is said

const runs = new Map(); // run → { seq, stage, done, at, begin, samples, rate, said }

/** `{rate, eta}` as texts for the newest message of a run; empty while unknown. */
export function measure(message) {
  let known = runs.get(message.run);
  if (known?.seq === message.seq) return known.said;
  const busiest = busiestStage(message);
  if (message.overall !== "RUNNING" || message.waiting || !busiest) {
    const nothing = { rate: "", eta: "" };
    runs.set(message.run, { seq: message.seq, said: nothing });
    return nothing;
  }
  const at = Date.parse(message.ts) / 1000;
  if (!known || known.stage !== busiest.key) known = begun(busiest, at);
  else sample(known, busiest, at);
  known.seq = message.seq;
  known.said = { rate: rateOf(known), eta: etaOf(known, busiest) };
  runs.set(message.run, known);
  return known.said;
}

function begun(stage, at) {
  return { stage: stage.key, done: stage.done, at, begin: at, samples: 0, rate: 0 };
}

function sample(known, stage, at) {
  const seconds = at - known.at;
  if (stage.done <= known.done || seconds < 0.2) return;
  const newest = (stage.done - known.done) / seconds;
  known.rate = known.samples ? known.rate * (1 - SMOOTHING) + newest * SMOOTHING : newest;
  Object.assign(known, { done: stage.done, at, samples: known.samples + 1 });
}

// The running stage that has most to do: the one that a person waits for.
function busiestStage(message) {
  let busiest = null;
  for (const [step, stages] of Object.entries(message.counts)) {
    for (const [stage, { done, total }] of Object.entries(stages)) {
      if (message.steps[step][stage] !== "running") continue;
      const left = total ? total - done : 0;
      if (!busiest || left > busiest.left) busiest = { key: `${step} ${stage}`, name: stage, done, total, left };
    }
  }
  return busiest;
}

const isHonest = (known) =>
  known.samples >= FEWEST && known.at - known.begin >= SHORTEST && Date.now() / 1000 - known.at < STALE;

function rateOf(known) {
  if (!isHonest(known)) return "";
  const rate = known.rate < 10 ? known.rate.toFixed(1) : Math.round(known.rate).toLocaleString("en-US");
  return `${rate} per second in ${known.stage.split(" ")[1]}`;
}

function etaOf(known, stage) {
  if (!isHonest(known) || !stage.total || stage.left <= 0) return "";
  const minutes = stage.left / known.rate / 60;
  if (minutes < 1) return "This stage: under a minute left";
  return `This stage: about ${Math.max(1, Math.floor(minutes * 0.8))}–${Math.ceil(minutes * 1.3)} min left`;
}
