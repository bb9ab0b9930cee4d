/**
 * The names of a path's chain that are not channels; channel names never begin with "(".
 */
export const CHAIN_ENDS = {
  start: '(start)',
  conversion: '(conversion)',
  none: '(null)',
} as const;
