/**
 * A user's path, settled orders and refunds as they are packed into the user's record.
 */
import { z } from 'zod';
import { EVERYBODY_PPM } from './cohort.ts';
import {
  isPathConversion,
  type PathItem,
  type PendingRefund,
  type SettledOrder,
  type TouchFact,
} from './user-snapshot.ts';

const int = z.int();

/** Touches: t, id, channel, campaign if any. Conversions: t, id, order, micros. */
export const pathItemRecord = z.union([
  z.tuple([int, z.string(), z.string()]).rest(z.string()),
  z.tuple([int, z.string(), z.string(), int]),
]);
/**
 * Settled orders: order, t, micros, of each touch t, channel and campaign if any, and samplePpm
 * where not everybody is in the sample.
 */
export const orderRecord = z
  .tuple([z.string(), int, int, z.array(z.tuple([int, z.string()]).rest(z.string()))])
  .rest(int);
/** Refunds of orders not seen yet: order, t, count, micros, and 1 if one is of the whole. */
export const refundRecord = z.tuple([z.string(), int, int, int]).rest(z.literal(1));

type PackedItem = z.infer<typeof pathItemRecord>;
type PackedOrder = z.infer<typeof orderRecord>;
type PackedRefund = z.infer<typeof refundRecord>;

/** A touch or conversion as it is stored. */
export function packItem(item: PathItem): PackedItem {
  if (isPathConversion(item)) return [item.t, item.id, item.order, item.micros];
  const { t, id, channel, campaign } = item;
  return campaign === undefined ? [t, id, channel] : [t, id, channel, campaign];
}

/** A stored touch or conversion. */
export function unpackItem([t, id, name, last]: PackedItem): PathItem {
  if (typeof last === 'number') return { t, id, order: name, micros: last };
  return last === undefined ? { t, id, channel: name } : { t, id, channel: name, campaign: last };
}

/** A settled order as it is stored. */
export function packOrder({ order, t, micros, touches, samplePpm }: SettledOrder): PackedOrder {
  const packed = touches.map(({ t: at, channel, campaign }): PackedOrder[3][number] =>
    campaign === undefined ? [at, channel] : [at, channel, campaign],
  );
  if (samplePpm === EVERYBODY_PPM) return [order, t, micros, packed];
  return [order, t, micros, packed, samplePpm];
}

/** A stored settled order. */
export function unpackOrder([order, t, micros, packed, samplePpm]: PackedOrder): SettledOrder {
  const touches = packed.map(
    ([at, channel, campaign]): TouchFact =>
      campaign === undefined ? { t: at, channel } : { t: at, channel, campaign },
  );
  return { order, t, micros, touches, samplePpm: samplePpm ?? EVERYBODY_PPM };
}

/** A refund that waits for its order, as it is stored. */
export function packRefund({ order, t, count, micros, isWhole }: PendingRefund): PackedRefund {
  return isWhole ? [order, t, count, micros, 1] : [order, t, count, micros];
}

/** A stored refund that waits for its order. */
export function unpackRefund([order, t, count, micros, whole]: PackedRefund): PendingRefund {
  return { order, t, count, micros, isWhole: whole === 1 };
}
