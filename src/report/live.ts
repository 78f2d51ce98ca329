import { formatSeconds } from '../core/text.js';
import { markup, type Html } from './markup.js';
import { hashOf, saveScript } from './save-script.js';
import type { RunRecord } from './run-record.js';

/**
 * What keeps a live page up to date: the server says that something has changed, the page fetches itself and takes
 * over the new body. It counts the seconds of the running epoch itself.
 */
export const liveScript = `
const swap = async () => {
  const answer = await fetch('/');
  const text = await answer.text();
  if (!answer.ok) throw new Error(text);
  const next = new DOMParser().parseFromString(text, 'text/html');
  const open = [...document.querySelectorAll('details')].map((each) => each.open);
  next.querySelectorAll('details').forEach((each, i) => { each.open = open[i] ?? false; });
  document.querySelector('main').replaceWith(next.querySelector('main'));
  document.title = next.title;
  count();
};
const count = () => {
  for (const each of document.querySelectorAll('[data-since]')) {
    const seconds = Math.max(0, Math.round((Date.now() - Date.parse(each.dataset.since)) / 1000));
    const clock = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
    each.textContent = clock.map((part) => String(part).padStart(2, '0')).join(':').replace(/^00:/, '');
  }
};
const tell = (problem) => { document.body.dataset.lost = problem; };
const events = new EventSource('/events');
events.onmessage = () => swap().then(
  () => tell(''),
  ({ message }) => tell('This page could not be brought up to date: ' + message),
);
events.onopen = () => tell('');
events.onerror = () => tell('The connection is lost: this page no longer changes.');
setInterval(count, 1000);
count();
`;

/** Lets a browser run the page's two scripts and no other, and keeps the page out of other pages. */
export const livePolicy = [
  "default-src 'none'",
  "style-src 'unsafe-inline'",
  `script-src ${hashOf(liveScript)} ${hashOf(saveScript)}`,
  'img-src blob:',
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** Where the runs stand that have not ended. */
export function runningPart(runs: readonly RunRecord[]): Html | undefined {
  const open = runs.filter(({ status }) => status === 'open');
  if (open.length === 0) return undefined;
  return markup`<section>
    <h2>Running</h2>
    ${open.map(
      (run) =>
        markup`<p>
          ${standing(run)}<br /><progress max="${run.config.train.epochs}" value="${run.epochs.length}"></progress>
        </p>`,
    )}
  </section>`;
}

function standing({ label, seed, epochs, config, log }: RunRecord): Html {
  const last = epochs.at(-1);
  const lastTook = last
    ? `; the last epoch took ${formatSeconds(last.trainSeconds + last.evaluationSeconds)}`
    : '';
  const current = log.lastEpoch?.epoch === epochs.length + 1 ? log.lastEpoch : undefined;
  const begun = current && markup`, begun <span data-since="${current.time}"></span> ago`;
  const place = `epoch ${epochs.length + 1} of ${config.train.epochs}`;
  return markup`<strong>${label}, seed ${seed}</strong>: ${place}${begun}${lastTook}`;
}
