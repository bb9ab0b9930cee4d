/**
 * The R package ChannelAttribution on the same file, where R has it: what our time is compared to.
 */
import { spawnSync } from 'node:child_process';

/** How long the package may take before it is given up. */
const MAX_REFERENCE_MS = 120_000;

/** Prints what one call takes, in milliseconds; reading the file is not counted. */
const SCRIPT = `
suppressMessages(library(ChannelAttribution))
data <- read.csv(commandArgs(trailingOnly = TRUE)[1])
seconds <- system.time(markov_model(data, "path", "total_conversions",
  var_value = "total_conversion_value", var_null = "total_null", order = 1,
  verbose = FALSE, flg_pro = FALSE))["elapsed"]
cat("elapsed", seconds * 1000)
`;

/** What markov_model takes for a path table, in ms; undefined without R and the package. */
export function referenceMs(file: string): number | undefined {
  const { status, stdout } = spawnSync('Rscript', ['-e', SCRIPT, file], {
    encoding: 'utf8',
    timeout: MAX_REFERENCE_MS,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const elapsed = /elapsed ([\d.]+)/.exec(stdout ?? '')?.[1];
  return status === 0 && elapsed !== undefined ? Number(elapsed) : undefined;
}
