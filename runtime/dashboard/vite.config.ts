/**
 * How the dashboard page is built: from this folder into dist/dashboard, with nothing left to fetch
 * but what the gateway serves beside it.
 */
import { fileURLToPath } from 'node:url';
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

export default defineConfig({
  root: fileURLToPath(new URL('.', import.meta.url)),
  // Relative, so that the page works below any path of a proxy.
  base: './',
  plugins: [react()],
  cacheDir: '../../.microtarget/cache/vite',
  build: {
    outDir: '../../dist/dashboard',
    emptyOutDir: true,
    target: 'es2023',
    // Inlined assets would be `data:` addresses, which the page's security policy refuses.
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 800,
    reportCompressedSize: false,
  },
});
