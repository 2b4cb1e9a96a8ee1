#!/usr/bin/env node
// Here before the build, so that `npm install` in a checkout finds something to link to.
import "../dist/main.js"
