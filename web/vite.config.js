import { defineConfig } from 'vite';

// Names without hashes: the program embeds these files and tells browsers of changes by ETag.
export default defineConfig({
  build: {
    outDir: process.env.SLIPSTREAM_WEB_DIST ?? 'dist',
    emptyOutDir: true,
    modulePreload: false,
    target: 'es2022',
    assetsInlineLimit: 0,
    rollupOptions: {
      output: { entryFileNames: 'app.js', assetFileNames: 'app.[ext]', inlineDynamicImports: true },
    },
  },
  worker: {
    format: 'es',
    rollupOptions: { output: { entryFileNames: 'feed.js' } },
  },
  server: {
    proxy: {
      '/api': process.env.SLIPSTREAM_URL ?? 'http://127.0.0.1:8081',
      '/ws': { target: process.env.SLIPSTREAM_URL ?? 'ws://127.0.0.1:8081', ws: true },
    },
  },
});
